import { describe, expect, it } from 'vitest'
import { createNodeKey, decodePeerRecord, encodeTicket, parseTicket } from '@vudo/identity'
import type { DocumentChange } from '@vudo/p2p'
import {
  addressOf,
  createStrangers,
  createNode,
  createNodeIn,
  freshFolder,
  limit,
  nextEvent,
  startPair,
  when,
} from './nodes.ts'

interface List {
  items: string[]
}

function policy(_author: string, action: string, path: string): boolean {
  return action !== 'write' || path !== 'notes/locked'
}

describe('two nodes over TCP', () => {
  it('find and connect each other by mDNS, and agree', async () => {
    const discovery = { interface: '127.0.0.1', serviceType: '_vudotest._tcp' }
    const a = await createNode({ discovery })
    const b = await createNode({ discovery, database: a.ticket })
    const found = nextEvent(b, 'peer:discovered', ({ id }) => id === a.peerId)
    const connected = nextEvent(a, 'peer:connected')
    await Promise.all([a.start(), b.start()])
    expect((await found).address).toBe(addressOf(a))
    expect(await connected).toMatchObject({
      peerId: b.peerId,
      path: { transport: 'tcp', relayed: false },
    })
    expect((await a.discoverPeers({ signal: limit() })).map(({ id }) => id)).toContain(b.peerId)
    await a.writeDoc('lists/shopping', { items: ['milk'] })
    await a.whenSynced({ with: b.peerId, signal: limit() })
    expect(await b.readDoc<List>('lists/shopping')).toEqual({ items: ['milk'] })
  })

  it('do not find each other with another service type', async () => {
    const a = await createNode({
      discovery: { interface: '127.0.0.1', serviceType: '_vudoone._tcp' },
    })
    const b = await createNode({
      discovery: { interface: '127.0.0.1', serviceType: '_vudotwo._tcp' },
      database: a.ticket,
    })
    await Promise.all([a.start(), b.start()])
    expect(await b.discoverPeers({ signal: limit() })).toEqual([])
  })

  it('connect by address and know each other by proven ids', async () => {
    const { a, b } = await startPair()
    expect(await a.connectPeer(addressOf(b))).toBe(b.peerId)
    expect(a.isPeerConnected(b.peerId)).toBe(true)
    expect(a.connectedPeers()).toMatchObject([
      { peerId: b.peerId, path: { transport: 'tcp' }, databases: [a.database.id] },
    ])
    await when(b, () => b.isPeerConnected(a.peerId))
  })

  it('connect by bootstrapNodes, and by the addresses in a ticket', async () => {
    const a = await createNode()
    await a.start()
    const plain = await createNode({ database: a.ticket, bootstrapNodes: [...a.addresses] })
    const inTicket = { ...parseTicket(a.ticket), peers: [{ address: addressOf(a) }] }
    const invited = await createNode({ database: encodeTicket(inTicket) })
    for (const node of [plain, invited]) {
      await node.start()
      await when(node, () => node.isPeerConnected(a.peerId))
      expect(node.connectedPeers().map(({ peerId }) => peerId)).toContain(a.peerId)
    }
  })

  it('name the current sealing key in their records', async () => {
    const a = await createNode()
    const records: Uint8Array[] = []
    const b = await createNode({
      database: a.ticket,
      discoveries: [
        {
          name: 'noting',
          announce: async (_topic, record) => void records.push(record.bytes),
          withdraw: async () => {},
          lookup: async () => [],
          async *watch() {
            yield* []
          },
          close: async () => {},
        },
      ],
    })
    await b.start()
    const [bytes = new Uint8Array()] = records
    expect(decodePeerRecord(bytes, Date.now()).sealingKey).toEqual(b.sealingKeys.publicKey)
  })

  it('sync one document, and refuse for a peer that is not there', async () => {
    const { a, b } = await startPair()
    await a.writeDoc('users/alice', { name: 'Alice' })
    const status = await b.syncDocument(a.peerId, 'users', 'alice', { signal: limit() })
    expect(status.peers.map(({ peerId }) => peerId)).toEqual([a.peerId])
    expect(await b.readDoc('users/alice')).toEqual({ name: 'Alice' })
    const stranger = createNodeKey().peerId
    await expect(b.syncDocument(stranger, 'users', 'alice')).rejects.toMatchObject({
      code: 'ERR_PEER_NOT_SYNCING',
    })
    await expect(b.syncDocument(a.peerId, 'users', '..')).rejects.toMatchObject({
      code: 'ERR_PATH_INVALID',
    })
  })

  it('tell of the changes of one document and of no other, whoever made them', async () => {
    const { a, b } = await startPair()
    const changes: DocumentChange[] = []
    const controller = new AbortController()
    const subscription = b.subscribeDocument('users', 'alice', { signal: controller.signal })
    const loop = (async () => {
      for await (const change of subscription) changes.push(change)
    })()
    await a.writeDoc('users/alice', { name: 'Alice' })
    await a.writeDoc('users/alice/notes', { text: 'below it' })
    await a.writeDoc('users/bob', { name: 'Bob' })
    await a.whenSynced({ with: b.peerId, signal: limit() })
    await b.writeDoc('users/alice', { name: 'Alice', age: 7 })
    await b.remove('users/alice')
    controller.abort()
    await loop
    expect(new Set(changes.map(({ path }) => path))).toEqual(new Set(['users/alice']))
    expect(changes[0]).toMatchObject({ collection: 'users', origin: a.peerId, created: true })
    expect(changes.at(-1)).toMatchObject({ type: 'deleted', origin: 'local' })
  })

  it('forward every event of network and documents once, also after a new start', async () => {
    const folder = await freshFolder()
    const a = await createNodeIn(folder)
    const b = await createNode({ database: a.ticket })
    const types: string[] = []
    const heard = a.events.subscribe()
    const listening = (async () => {
      for await (const { type } of heard) types.push(type)
    })()
    await a.start()
    await a.stop()
    await Promise.all([a.start(), b.start()])
    // A status is told after a pause, and a peer that was gone before it never was.
    const told = nextEvent(a, 'sync:status', ({ state }) => state === 'synced')
    await b.connectPeer(addressOf(a))
    await b.writeDoc('notes/a', { text: 'x' })
    await b.whenSynced({ with: a.peerId, signal: limit() })
    await told
    const gone = nextEvent(a, 'peer:disconnected')
    await b.stop()
    await gone
    await a.remove('notes/a')
    await a.stop()
    heard.close()
    await listening
    const count = (type: string): number => types.filter((one) => one === type).length
    for (const type of [
      'session:started',
      'peer:connected',
      'database:shared',
      'peer:disconnected',
      'session:ended',
      'document:deleted',
    ]) {
      expect([type, count(type)]).toEqual([type, 1])
    }
    for (const type of ['document:changed', 'sync:status']) {
      expect([type, count(type) > 0]).toEqual([type, true])
    }
  })

  it('forward a burst of events without dropping one', async () => {
    const node = await createNode()
    let count = 0
    node.events.on('document:changed', () => {
      count++
    })
    const handle = await node.open<{ n: number }>('notes/a', { n: 0 })
    const before = count
    for (let n = 1; n <= 1_000; n++) {
      handle.change((doc) => {
        doc.n = n
      })
    }
    expect(count - before).toBe(1_000)
  })

  it('part when asked, and a peer that is not connected is an error', async () => {
    const { a, b } = await startPair()
    const gone = nextEvent(b, 'peer:disconnected')
    await a.disconnectPeer(b.peerId)
    await gone
    expect(a.isPeerConnected(b.peerId)).toBe(false)
    await expect(a.disconnectPeer(b.peerId)).rejects.toMatchObject({
      code: 'ERR_PEER_NOT_CONNECTED',
    })
    await a.connectPeer(addressOf(b))
    await a.disconnectAll()
    expect(a.connectedPeers()).toEqual([])
  })

  it('carry on after one of them was away', async () => {
    const folder = await freshFolder()
    const a = await createNode()
    const b = await createNodeIn(folder, { database: a.ticket })
    await a.start()
    await b.start()
    await b.connectPeer(addressOf(a))
    await b.stop()
    await a.writeDoc('notes/a', { text: 'meanwhile' })
    await b.initialize()
    await b.writeDoc('notes/b', { text: 'offline' })
    await b.start()
    await b.connectPeer(addressOf(a))
    await b.whenSynced({ with: a.peerId, signal: limit() })
    expect((await a.ls()).map(({ path }) => path)).toEqual(['notes/a', 'notes/b'])
    expect(await b.readDoc('notes/a')).toEqual({ text: 'meanwhile' })
  })

  it('ask the policy', async () => {
    const node = await createNode({ policy })
    await expect(node.writeDoc('notes/locked', { a: 1 })).rejects.toMatchObject({
      code: 'ERR_NOT_ALLOWED',
    })
    await node.writeDoc('notes/free', { a: 1 })
  })
})

describe('a stranger', () => {
  it('who knows the id and not the secret shares nothing, and sees nothing', async () => {
    const a = await createNode()
    await a.start()
    await a.writeDoc('notes/a', { text: 'private' })
    const strangers = await createStrangers(a)
    const refusals = strangers.map(async (stranger) => {
      await stranger.start()
      return stranger.connectPeer(addressOf(a)).catch((error: unknown) => error)
    })
    // A member who comes after them is quicker than their refusal, which gives them time to join.
    const member = await createNode({ database: a.ticket })
    await member.start()
    await member.connectPeer(addressOf(a))
    await a.whenSynced({ with: member.peerId, signal: limit() })
    expect(a.status.peers.map(({ peerId }) => peerId)).toEqual([member.peerId])
    for (const stranger of strangers) {
      expect(stranger.status).toMatchObject({ state: 'offline', peers: [] })
      expect(await stranger.ls()).toEqual([])
      await stranger.stop()
    }
    const outcomes = await Promise.all(refusals)
    expect(outcomes.map((outcome) => outcome instanceof Error)).toEqual([true, true])
  })

  it('who knows the id of an open database is a member', async () => {
    const a = await createNode({ database: 'open:public notes' })
    const b = await createNode({ database: 'open:public notes' })
    await Promise.all([a.start(), b.start()])
    await a.writeDoc('notes/a', { text: 'public' })
    await b.connectPeer(addressOf(a))
    await a.whenSynced({ with: b.peerId, signal: limit() })
    expect(await b.readDoc('notes/a')).toEqual({ text: 'public' })
  })

  it('at the address of a peer is not taken for it', async () => {
    const [a, b] = [await createNode(), await createNode()]
    await Promise.all([a.start(), b.start()])
    const expected = createNodeKey().peerId
    await expect(a.connectPeer(addressOf(b), { expected, signal: limit() })).rejects.toMatchObject({
      code: 'ERR_PEER_MISMATCH',
    })
    expect(a.connectedPeers()).toEqual([])
  })

  it('is not found, not dialled, and not oneself', async () => {
    const node = await createNode()
    await node.start()
    for (const [target, code] of [
      [createNodeKey().peerId, 'ERR_NO_TRANSPORT'],
      ['radio://7', 'ERR_NO_TRANSPORT'],
      ['nonsense', 'ERR_NO_TRANSPORT'],
      ['tcp://nonsense', 'ERR_ADDRESS_INVALID'],
      ['tcp://127.0.0.1:1', 'ERR_DIAL_FAILED'],
      [addressOf(node), 'ERR_PEER_SELF'],
    ] as const) {
      await expect(node.connectPeer(target, { signal: limit() })).rejects.toMatchObject({ code })
    }
  })
})
