import { createGossip, type GossipMessage, type GossipTopic } from '@vudo/gossip'
import { createNodeKey, parseTicket } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import type { P2PEvents } from '@vudo/p2p'
import { parseDocumentUrl, type Policy } from '@vudo/sync'
import { parseTransportConfig } from '@vudo/transport'
import { tcp } from '@vudo/transport-tcp'
import { bytesToHex } from '@vudo/wire'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openGossipOf } from '../src/gossip.ts'
import { createNode, limit, local, nextEvent, startPair, when } from './nodes.ts'

describe('a node with gossip', () => {
  it('brings messages to all members who have joined the topic', async () => {
    const { a, b } = await startPair({ gossip: true })
    const [news, heard] = [a.gossip().join('news'), b.gossip().join('news')]
    await a.gossip().whenPeers('news', 1, { signal: limit() })
    await news.publish(new TextEncoder().encode('hello'))
    const message = await nextOf(heard)
    expect(message.author).toBe(a.peerId)
    expect(new TextDecoder().decode(message.bytes)).toBe('hello')
  })

  it('shows who looks at a document, and tells it as events', async () => {
    const { a, b } = await startPair({ gossip: true })
    const joined = nextEvent(a, 'presence:joined')
    const here = a.presence('notes/one', { name: 'a' })
    const there = b.presence('notes/one', { name: 'b' })
    expect(await joined).toMatchObject({
      path: 'notes/one',
      peer: { peerId: b.peerId, state: { name: 'b' } },
    })
    const changed = nextEvent(a, 'presence:changed')
    there.set({ name: 'b', cursor: 3 })
    await changed
    expect(here.peers).toMatchObject([{ state: { cursor: 3 } }])
    const left = nextEvent(a, 'presence:left')
    await b.stop()
    expect(await left).toMatchObject({ peer: { peerId: b.peerId }, reason: 'goodbye' })
  })

  it('says what it can do, and finds who can do something', async () => {
    const { a, b } = await startPair({ gossip: true })
    const heard = nextEvent(a, 'peer:capabilities', offersBlobs)
    b.handle('/my-app/chat/1', (channel) => channel.reset('ERR_BUSY'))
    b.setCapabilities({ blobs: true })
    await heard
    expect(a.peersWith('blobs')).toEqual([b.peerId])
    expect(a.peersWith('/my-app/chat/1')).toEqual([b.peerId])
    expect(a.peersWith('relay')).toEqual([])
    expect(a.capabilitiesOf(b.peerId)?.protocols).toContain('/vudo/sync/1')
  })

  it('pulls a document from its author, who is no neighbour', async () => {
    const a = await createNode({ gossip: true })
    const c = await createNode({ gossip: true, database: a.ticket })
    await Promise.all([a.start(), c.start()])
    const { address } = await startMessenger(a.ticket)
    await Promise.all([a.connectPeer(address), c.connectPeer(address)])
    expect(c.isPeerConnected(a.peerId)).toBe(false)
    await Promise.all(
      [a, c].map((node) => node.gossip().whenPeers('vudo/documents/1', 1, { signal: limit() })),
    )
    await a.writeDoc('notes/one', { text: 'hello' })
    await when(c, async () => (await c.readDoc<{ text: string }>('notes/one'))?.text === 'hello')
    expect(c.isPeerConnected(a.peerId)).toBe(true)
  })

  it('announces and shows nothing that not every member may read', async () => {
    const a = await createNode({
      gossip: true,
      policy: (author, _, path) => author !== '' || !path.startsWith('secret'),
    })
    await a.start()
    const { address, topic } = await startMessenger(a.ticket)
    await a.connectPeer(address)
    expect(() => a.presence('secret/one')).toThrow(
      expect.objectContaining({ code: 'ERR_PRESENCE_NOT_ALLOWED' }),
    )
    await a.gossip().whenPeers('vudo/documents/1', 1, { signal: limit() })
    for (const path of ['secret/one', 'notes/one']) await a.writeDoc(path, { text: path })
    const [notes, secret] = (await a.ls()).map(({ documentId }) => parseDocumentUrl(documentId))
    const { bytes } = await nextOf(topic)
    expect(bytesToHex(bytes)).toContain(notes)
    expect(bytesToHex(bytes)).not.toContain(secret)
  })

  it('announces nothing that was hidden, although a member has given it a second name', async () => {
    let owner = '?'
    const policy: Policy = (author, _, path) => path.startsWith('public/') || author === owner
    const a = await createNode({ gossip: true, policy })
    owner = a.authorId
    const b = await createNode({ database: a.ticket, policy })
    await Promise.all([a.start(), b.start()])
    const { address, topic } = await startMessenger(a.ticket)
    await a.connectPeer(address)
    await a.gossip().whenPeers('vudo/documents/1', 1, { signal: limit() })
    await a.writeDoc('secret/diary', { text: 'a' })
    const documentId = (await a.ls())[0]?.documentId ?? ''
    await b.database.admit('public/x', documentId)
    await a.connectPeer(b.addresses[0] ?? '')
    await when(a, async () => (await a.ls()).some(({ path }) => path === 'public/x'))
    const secret = await a.database.openById<{ text: string }>(documentId)
    secret?.change((draft) => {
      draft.text = 'b'
    })
    await secret?.close()
    // What is announced comes in order: nothing of the diary may come before this.
    await a.writeDoc('public/notes', { text: 'c' })
    const notes = (await a.ls()).find(({ path }) => path === 'public/notes')
    const said: string[] = []
    while (!said.some((text) => text.includes(parseDocumentUrl(notes?.documentId ?? '') ?? '?'))) {
      said.push(bytesToHex((await nextOf(topic)).bytes))
    }
    expect(said.join()).not.toContain(parseDocumentUrl(documentId))
  })
})

describe('a node without gossip', () => {
  it('says which option is missing', async () => {
    const node = await createNode()
    const disabled = expect.objectContaining({
      code: 'ERR_GOSSIP_DISABLED',
      hint: 'createP2P({ gossip: true })',
    })
    expect(() => node.gossip()).toThrow(disabled)
    expect(() => node.presence()).toThrow(disabled)
    expect(() => node.peersWith('blobs')).toThrow(disabled)
  })

  it('says how to install what is missing', async () => {
    const node = await createNode()
    const missing = Object.assign(
      new Error("Cannot find package '@vudo/gossip' imported from /app/index.js"),
      { code: 'ERR_MODULE_NOT_FOUND' },
    )
    const { network, database } = node
    const load = (): Promise<never> => Promise.reject(missing)
    const opening = openGossipOf(
      { key: createNodeKey() },
      { network, database, policy: undefined, load },
    )
    await expect(opening).rejects.toMatchObject({
      code: 'ERR_GOSSIP_MISSING',
      hint: 'npm i @vudo/gossip',
    })
  })
})

function offersBlobs({ capabilities }: P2PEvents['peer:capabilities']): boolean {
  return capabilities?.blobs ?? false
}

async function nextOf(topic: AsyncIterable<GossipMessage>): Promise<GossipMessage> {
  for await (const message of topic) return message
  throw new Error('the topic has ended')
}

/** A member that passes gossip on, and holds no documents. */
async function startMessenger(
  ticket: string,
): Promise<{ readonly address: string; readonly topic: GossipTopic }> {
  const { databaseId: id, secret } = parseTicket(ticket)
  const key = createNodeKey()
  const settings = parseTransportConfig({
    port: 0,
    bindAddress: '127.0.0.1',
    maxNewConnectionsPerSecond: local.maxNewConnectionsPerSecond,
  })
  const transport = tcp()({ ...createTransportContext(key, {}), settings })
  const network = createNetwork({ key, transports: [transport] })
  onTestFinished(() => network.stop())
  await network.start()
  await network.join(secret === undefined ? { id } : { id, secret })
  // Without an overlay of its own it brings nobody together.
  const options = { keepsSessions: false }
  const gossip = await createGossip({ key, network, database: id, options })
  onTestFinished(() => gossip.close())
  const topic = gossip.join('vudo/documents/1')
  return { address: network.addresses[0] ?? '', topic }
}
