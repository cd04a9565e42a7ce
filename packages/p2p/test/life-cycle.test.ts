import { once } from 'node:events'
import { createServer } from 'node:net'
import process from 'node:process'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { HubEvent } from '@vudo/events'
import { createP2P, isVudoError, type P2P, type P2PEvents } from '@vudo/p2p'
import type { Discovery, Topic } from '@vudo/transport'
import {
  addressOf,
  createNode,
  createNodeIn,
  freshFolder,
  limit,
  listeningBy,
  startPair,
} from './nodes.ts'

/** A discovery that finds nobody and notes what it is asked. */
function notingDiscovery(): Discovery & { readonly calls: string[] } {
  const calls: string[] = []
  const note = async (name: string): Promise<void> => {
    calls.push(name)
  }
  return {
    name: 'noting',
    calls,
    announce: () => note('announce'),
    withdraw: () => note('withdraw'),
    lookup: async () => {
      calls.push('lookup')
      return []
    },
    async *watch(_topic: Topic, options) {
      calls.push('watch')
      if (options?.signal && !options.signal.aborted) await once(options.signal, 'abort')
      yield* []
    },
    close: () => note('close'),
  }
}

/** Takes a port of loopback until it is released. */
async function takePort(): Promise<{ readonly port: number; release(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('a TCP server has an address')
  return {
    port: address.port,
    async release() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** What a promise rejects with; from now on it has an owner. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function expectToWork(node: P2P): Promise<void> {
  await node.writeDoc('notes/a', { text: 'works' })
  expect(await node.readDoc('notes/a')).toEqual({ text: 'works' })
}

describe('before start', () => {
  it('documents work and nothing touches the network', async () => {
    const discovery = notingDiscovery()
    let listened = 0
    const transport = listeningBy(async () => {
      listened++
    })
    const node = await createNode({ transports: [() => transport], discoveries: [discovery] })
    await node.initialize()
    await node.whenReady()
    await expectToWork(node)
    expect(node).toMatchObject({ isStarted: false, addresses: [] })
    expect(node.status.state).toBe('offline')
    expect(node.connectedPeers()).toEqual([])
    await expect(node.discoverPeers()).rejects.toMatchObject({ code: 'ERR_P2P_NOT_STARTED' })
    await expect(node.connectPeer('tcp://127.0.0.1:1')).rejects.toMatchObject({
      code: 'ERR_P2P_NOT_STARTED',
      hint: expect.stringContaining('start()') as string,
    })
    const handle = await node.open('notes/a')
    // Each of these would wait for peers that cannot come.
    for (const wait of [
      () => node.whenSynced(),
      () => handle.whenSynced(),
      () => node.syncDocument(node.peerId, 'notes', 'a'),
    ]) {
      await expect(wait()).rejects.toMatchObject({ code: 'ERR_P2P_NOT_STARTED' })
    }
    expect([listened, discovery.calls]).toEqual([0, []])
    await node.start()
    expect(listened).toBeGreaterThan(0)
    expect(discovery.calls).toContain('announce')
    await node.stop()
    expect(discovery.calls).toContain('close')
  })
})

describe('start', () => {
  it('is idempotent', async () => {
    const node = await createNode()
    await Promise.all([node.start(), node.start()])
    const { addresses } = node
    await node.start()
    expect(node.addresses).toEqual(addresses)
    expect(addresses).toHaveLength(1)
    expect(node.isStarted).toBe(true)
  })

  it('fails when the port is taken, leaves the documents usable, and can be tried again', async () => {
    const taken = await takePort()
    const node = await createNode({ port: taken.port })
    const handle = await node.open<{ text: string }>('notes/b', { text: '' })
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(node.start()).rejects.toMatchObject({
        code: 'ERR_ADDRESS_IN_USE',
        message: expect.stringContaining(String(taken.port)) as string,
      })
      expect(node.isStarted).toBe(false)
    }
    await expectToWork(node)
    await taken.release()
    await node.start()
    expect(node.isStarted).toBe(true)
    expect(addressOf(node)).toBe(`tcp://127.0.0.1:${taken.port}`)
    handle.change((doc) => {
      doc.text = 'still open'
    })
    const other = await createNode({ database: node.ticket, bootstrapNodes: [...node.addresses] })
    await other.start()
    await node.whenSynced({ with: other.peerId, signal: limit() })
    expect(await other.readDoc('notes/b')).toEqual({ text: 'still open' })
  })

  it('ends the waits for peers when it fails', async () => {
    const taken = await takePort()
    const node = await createNode({ port: taken.port })
    const handle = await node.open('notes/a')
    const starting = failureOf(node.start())
    const waits = [node.whenSynced(), handle.whenSynced()].map(failureOf)
    expect(await starting).toMatchObject({ code: 'ERR_ADDRESS_IN_USE' })
    for (const wait of waits) expect(await wait).toMatchObject({ code: 'ERR_ADDRESS_IN_USE' })
  })

  it('takes any port when the usual one is taken and none was chosen', async () => {
    const one = await createNode({ port: undefined })
    const two = await createNode({ port: undefined })
    await one.start()
    await two.start()
    expect(addressOf(one)).not.toBe(addressOf(two))
  })

  it('does nothing for a signal that has fired, and stops waiting when one fires', async () => {
    const gate = Promise.withResolvers<void>()
    const node = await createNode({ transports: [() => listeningBy(() => gate.promise)] })
    const reason = new Error('enough')
    await expect(node.start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(node.isStarted).toBe(false)
    const controller = new AbortController()
    const starting = node.start({ signal: controller.signal })
    const patient = node.start()
    controller.abort(reason)
    await expect(starting).rejects.toBe(reason)
    gate.resolve()
    await patient
    expect(node.isStarted).toBe(true)
  })
})

describe('stop', () => {
  it('is idempotent, waits each time, and may come first', async () => {
    const node = await createNode()
    await node.stop()
    await node.start()
    await Promise.all([node.stop(), node.stop()])
    await node.stop()
    expect(node.isStarted).toBe(false)
  })

  it('ends a start that is under way', async () => {
    const gate = Promise.withResolvers<void>()
    const node = await createNode({
      transports: [() => listeningBy(() => gate.promise)],
    })
    const starting = node.start()
    const outcome = failureOf(starting)
    const stopping = node.stop()
    gate.resolve()
    expect(await outcome).toMatchObject({ code: 'ERR_P2P_STOPPED' })
    await stopping
    expect(node.isStarted).toBe(false)
  })

  it('ends a start of a real transport at any moment', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const node = await createP2P({
        storage: 'memory',
        bindAddress: '127.0.0.1',
        port: 0,
        discovery: { enableMdns: false },
      })
      const starting = node.start().then(
        () => 'started',
        (error: unknown) => (isVudoError(error) ? error.code : error),
      )
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      await node.stop()
      expect(['started', 'ERR_P2P_STOPPED']).toContain(await starting)
      expect(node.isStarted).toBe(false)
    }
  })

  it('is followed by a start that waits for it', async () => {
    const folder = await freshFolder()
    const node = await createNodeIn(folder)
    await node.start()
    const { peerId } = node
    await node.writeDoc('notes/a', { text: 'kept' })
    const heard: HubEvent<P2PEvents>[] = []
    const subscription = node.events.subscribe({ types: ['document:changed'] })
    const listening = (async () => {
      for await (const event of subscription) heard.push(event)
    })()
    await Promise.all([node.stop(), node.start()])
    expect(node).toMatchObject({ isStarted: true, peerId })
    expect(await node.readDoc('notes/a')).toEqual({ text: 'kept' })
    await node.writeDoc('notes/b', { text: 'new' })
    subscription.close()
    await listening
    const paths = heard.map(({ payload }) => 'path' in payload && payload.path)
    expect(new Set(paths)).toEqual(new Set(['notes/b']))
  })

  it('keeps a new start waiting until the folder is free', async () => {
    const folder = await freshFolder()
    const gate = Promise.withResolvers<void>()
    const slow = { ...notingDiscovery(), close: () => gate.promise }
    const node = await createNodeIn(folder, { discoveries: [slow] })
    await node.start()
    const stopping = node.stop()
    const starting = node.start()
    const failed = failureOf(starting)
    // Somebody who does not wait fails in about the time in which the node would have.
    expect(await failureOf(createNodeIn(folder))).toMatchObject({ code: 'ERR_STORE_LOCKED' })
    gate.resolve()
    await stopping
    expect(await failed).toBeUndefined()
    expect(node.isStarted).toBe(true)
  })

  it('lets somebody else have the folder, and a later start fails until it is free', async () => {
    const folder = await freshFolder()
    const node = await createNodeIn(folder)
    await node.stop()
    const other = await createNodeIn(folder)
    for (const call of [() => node.start(), () => node.initialize()]) {
      await expect(call()).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
      expect(node.isStarted).toBe(false)
    }
    await other.stop()
    await node.start()
    expect(node.isStarted).toBe(true)
  })

  it('may be followed by initialize, to stay offline', async () => {
    const folder = await freshFolder()
    const node = await createNodeIn(folder)
    await node.start()
    await node.stop()
    await Promise.all([node.initialize(), node.initialize()])
    await expectToWork(node)
    expect(node).toMatchObject({ isStarted: false, addresses: [] })
  })

  it('rejects what is asked afterwards, without an exception on the way', async () => {
    const node = await createNode()
    await node.start()
    const { peerId, authorId } = node
    await node.stop()
    const calls = [
      () => node.whenReady(),
      () => node.open('notes/a'),
      () => node.readDoc('notes/a'),
      () => node.writeDoc('notes/a', {}),
      () => node.remove('notes/a'),
      () => node.ls(),
      () => node.syncDocument('x', 'notes', 'a'),
      () => node.whenSynced(),
      () => node.discoverPeers(),
      () => node.connectPeer('tcp://127.0.0.1:1'),
      () => node.disconnectPeer('x'),
      () => node.disconnectAll(),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ name: 'P2PError', code: 'ERR_P2P_STOPPED' })
    }
    for (const read of [() => node.ticket, () => node.database, () => node.connectedPeers()]) {
      expect(read).toThrow('the node is stopped')
    }
    expect(node).toMatchObject({ peerId, authorId, addresses: [] })
    expect(node.status).toMatchObject({ state: 'offline', peers: [] })
  })

  it('ends the loops over changes, and the waits', async () => {
    const node = await createNode()
    await node.start()
    const paths: string[] = []
    const loop = (async () => {
      for await (const { path } of node.changes()) paths.push(path)
    })()
    const waiting = failureOf(node.whenSynced())
    await node.writeDoc('notes/a', { text: 'x' })
    await node.stop()
    await loop
    expect(await waiting).toMatchObject({ code: 'ERR_DATABASE_CLOSED' })
    expect(paths).toContain('notes/a')
  })

  it('frees everything else when one thing cannot be closed, and tells of it', async () => {
    const folder = await freshFolder()
    const broken = { ...notingDiscovery(), close: () => Promise.reject(new Error('planted')) }
    const node = await createP2P({
      dataDir: folder,
      transports: ['disabled'],
      discoveries: [broken],
    })
    await node.start()
    await expect(node.stop()).rejects.toThrow('planted')
    await (await createNodeIn(folder)).stop()
  })

  it('tells the peers', async () => {
    const { a, b } = await startPair()
    const gone = b.events.once('peer:disconnected', { signal: limit() })
    const { peerId } = a
    await a.stop()
    expect(await gone).toMatchObject({ peerId })
    expect(b.isPeerConnected(peerId)).toBe(false)
  })

  it('is what leaving the scope does', async () => {
    const folder = await freshFolder()
    {
      await using node = await createP2P({ dataDir: folder })
      await node.writeDoc('notes/a', { text: 'kept' })
    }
    const node = await createNodeIn(folder)
    expect(await node.readDoc('notes/a')).toEqual({ text: 'kept' })
  })
})

describe('the mode disabled', () => {
  it('works offline, with all its calls', async () => {
    const node = await createNode({ mode: 'disabled', discovery: {} })
    await node.start()
    await expectToWork(node)
    expect(node).toMatchObject({ isStarted: true, addresses: [] })
    expect(node.status).toMatchObject({ state: 'offline', peers: [] })
    expect(await node.discoverPeers()).toEqual([])
    expect(node.connectedPeers()).toEqual([])
    await node.disconnectAll()
    await expect(node.connectPeer('tcp://127.0.0.1:1')).rejects.toMatchObject({
      code: 'ERR_NO_TRANSPORT',
    })
  })
})

describe('encryption: false', () => {
  it('warns once, and changes nothing over TCP', async () => {
    const warnings: Error[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    const { a, b } = await startPair({ encryption: false })
    await a.writeDoc('notes/a', { text: 'x' })
    await a.whenSynced({ with: b.peerId, signal: limit() })
    expect(warnings.filter(({ name }) => name === 'VudoWarning')).toHaveLength(1)
  })
})
