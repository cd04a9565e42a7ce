import { runNetworkAdapterTests } from '@automerge/automerge-repo/helpers/tests/network-adapter-tests.js'
import { Repo, type Message, type PeerId } from '@automerge/automerge-repo'
import { createNetworkAdapter, type VudoNetworkAdapter } from '@vudo/automerge-repo'
import type { Channel, Network } from '@vudo/network'
import { encodeCbor } from '@vudo/wire'
import { expect, onTestFinished, test, vi } from 'vitest'
import { addressOf, databaseId, loseTcp, startNetworks } from './nodes.ts'

vi.setConfig({ testTimeout: 30_000 })

runNetworkAdapterTests(async () => {
  const networks = await startNetworks(3)
  const [a, b, c] = networks.map((network) =>
    createNetworkAdapter({ network, database: databaseId, names: 'repo' }),
  )
  if (!a || !b || !c) throw new Error('three networks')
  return {
    adapters: [a, b, c],
    teardown: () => {
      for (const network of networks) void network.stop()
    },
  }
}, 'sessions over TCP')

interface Pair {
  readonly networks: readonly Network[]
  readonly left: VudoNetworkAdapter
  readonly right: VudoNetworkAdapter
}

async function pair(names: 'node' | 'repo' = 'node'): Promise<Pair> {
  const networks = await startNetworks(2)
  onTestFinished(async () => {
    for (const network of networks) await network.stop()
  })
  const [left, right] = networks.map((network) =>
    createNetworkAdapter({ network, database: databaseId, names }),
  )
  if (!left || !right) throw new Error('two networks')
  return { networks, left, right }
}

/** The next event of an adapter. */
function next<Payload>(
  adapter: VudoNetworkAdapter,
  type: 'peer-candidate' | 'peer-disconnected' | 'message',
): Promise<Payload> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests say what they wait for
  return new Promise((resolve) => void adapter.once(type, (payload) => resolve(payload as Payload)))
}

/** A message in one part. */
const part = (value: unknown): Uint8Array => Uint8Array.of(1, ...encodeCbor(value))

const idOf = (name: string): PeerId => name as PeerId

test('peers are called by what their session has proven, whatever they call themselves', async () => {
  const { left, right } = await pair()
  const seen = next<{ peerId: string; peerMetadata: object }>(right, 'peer-candidate')
  right.connect(idOf('right'))
  left.connect(idOf(right.nodeName), { isEphemeral: true })
  expect(await seen).toEqual({ peerId: left.nodeName, peerMetadata: { isEphemeral: true } })
  expect(left.nodeName).toMatch(/^[0-9a-f]{64}-[0-9a-f]{32}$/)
  expect(right.isReady()).toBe(true)
})

test('a sync message carries the sender of its session, whatever it says', async () => {
  const { left, right } = await pair()
  const met = next<{ peerId: string }>(left, 'peer-candidate')
  left.connect(idOf('left'))
  right.connect(idOf('right'))
  const { peerId } = await met
  const arrived = next<Message>(right, 'message')
  const documentId = '4R8U7rXbA2J4K2stg78EsNNVd1rx'
  const spoofed = { type: 'sync', documentId, data: Uint8Array.of(1), senderId: 'somebody else' }
  left.send({ ...spoofed, targetId: peerId } as unknown as Message)
  expect(await arrived).toEqual({
    type: 'sync',
    documentId,
    data: Uint8Array.of(1),
    senderId: left.nodeName,
    targetId: 'right',
  })
})

test('send drops what is no message, and what nobody is there for, without a throw', async () => {
  const { left, right } = await pair()
  const met = next<{ peerId: string }>(left, 'peer-candidate')
  left.connect(idOf('left'))
  right.connect(idOf('right'))
  const targetId = (await met).peerId
  const got: unknown[] = []
  right.on('message', (message) => got.push(message))
  const send = (message: object): void =>
    left.send({ targetId, senderId: 'left', ...message } as Message)
  send({ type: 'unknown' })
  send({ type: 'sync', documentId: 'none', data: Uint8Array.of(1) })
  send({ type: 'sync', documentId: '4R8U7rXbA2J4K2stg78EsNNVd1rx', data: new Uint8Array() })
  send({ type: 'doc-unavailable', documentId: '4R8U7rXbA2J4K2stg78EsNNVd1rx', targetId: 'nobody' })
  const last = next<Message>(right, 'message')
  send({ type: 'doc-unavailable', documentId: '4R8U7rXbA2J4K2stg78EsNNVd1rx' })
  await last
  expect(got).toHaveLength(1)
})

test('several connections to a peer are one peer, and losing one is not noticed', async () => {
  const { networks, left, right } = await pair()
  const candidates: string[] = []
  const gone: string[] = []
  left.on('peer-candidate', ({ peerId }) => candidates.push(peerId))
  left.on('peer-disconnected', ({ peerId }) => gone.push(peerId))
  const met = next(left, 'peer-candidate')
  left.connect(idOf('left'))
  right.connect(idOf('right'))
  await met
  const [a, b] = networks
  if (!a || !b) throw new Error('two networks')
  const pathsOf = (): string[] => a.session(b.peerId)?.paths.map(({ path }) => path.transport) ?? []
  await a.connectPeer(addressOf(b, 'memory'))
  await vi.waitFor(() => expect(pathsOf().toSorted()).toEqual(['memory', 'tcp']), {
    timeout: 20_000,
  })
  await loseTcp(a)
  await vi.waitFor(() => expect(pathsOf()).toEqual(['memory']), { timeout: 20_000 })
  expect(candidates).toEqual([right.nodeName])
  expect(gone).toEqual([])
  const arrived = next<Message>(right, 'message')
  const documentId = '4R8U7rXbA2J4K2stg78EsNNVd1rx'
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- automerge-repo brands its texts
  left.send({
    type: 'doc-unavailable',
    documentId,
    senderId: 'left',
    targetId: right.nodeName,
  } as unknown as Message)
  expect((await arrived).senderId).toBe(left.nodeName)
  const lost = next<{ peerId: string }>(left, 'peer-disconnected')
  right.disconnect()
  expect((await lost).peerId).toBe(right.nodeName)
  expect(gone).toEqual([right.nodeName])
  const again = next(left, 'peer-candidate')
  // As `reconnect` of a Repo calls it, without metadata.
  right.connect(idOf('right'))
  await again
  expect(candidates).toEqual([right.nodeName, right.nodeName])
})

test('two Repos share a document that is larger than any message of a channel', async () => {
  const { left, right } = await pair()
  const [a, b] = [new Repo({ network: [left] }), new Repo({ network: [right] })]
  const bytes = new Uint8Array(1_000_000).map((_, at) => (at * 7919) % 251)
  const handle = a.create<{ bytes: Uint8Array }>({ bytes })
  const there = await b.find<{ bytes: Uint8Array }>(handle.url)
  expect(there.doc().bytes).toEqual(bytes)
  there.change((doc) => (doc.bytes = Uint8Array.of(1)))
  await vi.waitFor(() => expect(handle.doc().bytes).toEqual(Uint8Array.of(1)), { timeout: 20_000 })
  await Promise.all([a.shutdown(), b.shutdown()])
  left.disconnect()
  right.disconnect()
})

test('a name has one holder; another process that claims it does not become a peer', async () => {
  const networks = await startNetworks(3)
  onTestFinished(async () => {
    for (const network of networks) await network.stop()
  })
  const [watching, holding, claiming] = networks
  if (!watching || !holding || !claiming) throw new Error('three networks')
  const [watcher, holder] = [watching, holding].map((network) =>
    createNetworkAdapter({ network, database: databaseId, names: 'repo' }),
  )
  if (!watcher || !holder) throw new Error('two adapters')
  const seen: string[] = []
  watcher.on('peer-candidate', ({ peerId }) => seen.push(peerId))
  const met = next(watcher, 'peer-candidate')
  watcher.connect(idOf('watcher'))
  holder.connect(idOf('alice'))
  await met
  const claim = async (): Promise<Channel> => {
    const session = claiming.session(watching.peerId)
    const channel = session?.openChannel('/vudo/automerge-repo/1', { database: databaseId })
    await channel?.send(part({ type: 'hello', peerId: 'alice' }))
    if (!channel) throw new Error('no session')
    return channel
  }
  const refused = await claim()
  expect((await refused.closed).error).toBeDefined()
  expect(seen).toEqual(['alice'])
  const gone = next(watcher, 'peer-disconnected')
  holder.disconnect()
  await gone
  const taken = await claim()
  await vi.waitFor(() => expect(seen).toEqual(['alice', 'alice']), { timeout: 20_000 })
  taken.reset()
})

test('hostile peers lose their channel and nothing else happens', async () => {
  const { networks, left } = await pair()
  const [, evil] = networks
  const [a] = networks
  left.connect(idOf('left'))
  const got: unknown[] = []
  left.on('message', (message) => got.push(message))
  const session = evil?.sessions.find(({ peerId }) => peerId === a?.peerId)
  if (!session) throw new Error('no session')
  const open = async (...messages: Uint8Array[]): Promise<Channel> => {
    const channel = session.openChannel('/vudo/automerge-repo/1', { database: databaseId })
    for (const message of messages) await channel.send(message).catch(() => {})
    return channel
  }
  const hello = part({ type: 'hello', peerId: 'evil' })
  const deep = Uint8Array.of(1, ...Array.from({ length: 1_000 }, () => 0x81))
  for (const bad of [
    [Uint8Array.of()],
    [Uint8Array.of(9)],
    [part('no map')],
    [part({ type: 'hello', peerId: '' })],
    [part({ type: 'hello', peerId: 'x'.repeat(1_000) })],
    [deep],
    [Uint8Array.of(0, 0xa0)],
    [hello, Uint8Array.of(1, 0xff)],
    [hello, part({ type: 'sync', documentId: 'none', data: Uint8Array.of(1) })],
    [hello, part({ type: 'ephemeral', count: -1, documentId: '', sessionId: '', data: null })],
  ]) {
    const channel = await open(...bad)
    expect((await channel.closed).error).toBeDefined()
  }
  // A session has one channel: the next one takes its place.
  const [former, latter] = [await open(hello), await open(hello)]
  await former.closed
  latter.reset()
  // One message that never ends: it is given up at the bound, and its memory is free again.
  const endless = await open(hello)
  const piece = new Uint8Array(262_144)
  const refused = (async () => {
    for (let at = 0; at < 400; at++) await endless.send(piece)
  })()
  await expect(refused).rejects.toBeDefined()
  expect(got).toEqual([])
  const good = await open(hello, part({ type: 'remote-subscription-change', add: ['x'] }))
  await vi.waitFor(() => expect(got).toHaveLength(1), { timeout: 20_000 })
  good.reset()
})

test('a peer names only so many sources of ephemeral messages', async () => {
  const { networks, left } = await pair()
  const [a, evil] = networks
  left.connect(idOf('left'))
  const sources = new Set<string>()
  left.on('message', (message) => sources.add(message.senderId))
  const session = evil?.sessions.find(({ peerId }) => peerId === a?.peerId)
  const channel = session?.openChannel('/vudo/automerge-repo/1', { database: databaseId })
  if (!channel) throw new Error('no session')
  const send = (value: unknown): Promise<void> => channel.send(part(value))
  await send({ type: 'hello', peerId: 'evil' })
  const documentId = '4R8U7rXbA2J4K2stg78EsNNVd1rx'
  const data = Uint8Array.of(1)
  for (let at = 0; at < 1_100; at++) {
    await send({ type: 'ephemeral', documentId, data, count: 1, sessionId: 's', origin: `o${at}` })
  }
  const end = new Promise<void>((resolve) => {
    left.on('message', ({ type }) => {
      if (type === 'doc-unavailable') resolve()
    })
  })
  await send({ type: 'doc-unavailable', documentId })
  await end
  // And the peer itself.
  expect(sources.size).toBe(1_001)
})

test('nobody is heard through others who is connected, or is this peer', async () => {
  const networks = await startNetworks(3)
  onTestFinished(async () => {
    for (const network of networks) await network.stop()
  })
  const [here, there, evil] = networks
  if (!here || !there || !evil) throw new Error('three networks')
  const [left, right] = [here, there].map((network) =>
    createNetworkAdapter({ network, database: databaseId }),
  )
  if (!left || !right) throw new Error('two adapters')
  const met = next(left, 'peer-candidate')
  left.connect(idOf('left'))
  right.connect(idOf('right'))
  await met
  const senders: string[] = []
  left.on('message', ({ senderId }) => senders.push(senderId))
  const channel = evil
    .session(here.peerId)
    ?.openChannel('/vudo/automerge-repo/1', { database: databaseId })
  if (!channel) throw new Error('no session')
  await channel.send(part({ type: 'hello', peerId: 'evil' }))
  const documentId = '4R8U7rXbA2J4K2stg78EsNNVd1rx'
  const message = { type: 'ephemeral', documentId, data: Uint8Array.of(1), count: 1 }
  for (const origin of [right.nodeName, left.nodeName, 'far away']) {
    await channel.send(part({ ...message, sessionId: 's', origin }))
  }
  await vi.waitFor(() => expect(senders).toContain('far away'), { timeout: 20_000 })
  expect(senders).toEqual(['far away'])
  right.disconnect()
  left.disconnect()
})
