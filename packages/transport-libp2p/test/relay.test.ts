import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { parseTransportConfig } from '@vudo/transport'
import { libp2p, type Libp2pOptions } from '@vudo/transport-libp2p'
import { sweep } from '../src/idle-connections.ts'
import { IDLE_CONNECTION_MS } from '../src/limits.ts'
import { parseLibp2pOptions } from '../src/libp2p-options.ts'
import { createLibp2pMedium } from '../src/libp2p-medium.ts'
import { startNode } from '../src/node.ts'
import { startRelayClients } from '../src/relay-client.ts'
import type { Listeners } from '../src/reservations.ts'
import { stackLoaders } from '../src/stack.ts'
import { createContext, createNode, createTopic, firstOf, until, type TestNode } from './nodes.ts'
import { createPlainNode, multiaddrOf } from './plain-node.ts'

const goneId = '12D3KooWKRyzVWW6ChFjQjK4miCty85Niy48tpPV95XdKu1BcvMA'

/** A relay at whose address nobody listens. */
const gone = `libp2p:///ip4/127.0.0.1/tcp/9/p2p/${goneId}`

function node(options: Libp2pOptions = {}): TestNode {
  const made = createNode({}, options)
  onTestFinished(() => made.transport.disconnect())
  return made
}

/** A relay, and its address with its key. */
async function createRelay(): Promise<string> {
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const context = createTransportContext(createNodeKey(seed.slice()))
  const settings = parseTransportConfig({ port: 0, bindAddress: '127.0.0.1' })
  const transport = libp2p({ relayService: true, enableQuic: false })({ ...context, settings })
  onTestFinished(() => transport.disconnect())
  await transport.listen()
  const key = await generateKeyPairFromSeed('Ed25519', seed)
  return `${transport.addresses[0]}/p2p/${peerIdFromPrivateKey(key).toString()}`
}

it('reaches a node through a relay, and says that the path is relayed', async () => {
  const relay = await createRelay()
  const [there, here] = [node({ relays: [relay] }), node()]
  await there.transport.listen()
  const relayed = there.transport.addresses.find((one) => one.includes('/p2p-circuit/'))
  expect(relayed).toMatch(relay)
  const topic = createTopic()
  const [dialled, accepted] = await Promise.all([
    here.transport.dial(relayed ?? ''),
    firstOf(there, topic),
    firstOf(here, topic),
  ])
  expect([dialled.peerId, accepted.peerId]).toEqual([there.id, here.id])
  expect(dialled.path).toMatchObject({ transport: 'libp2p', relayed: true })
  expect(accepted.path.relayed).toBe(true)
  const message = new Uint8Array(100_000).fill(7)
  await dialled.send(message)
  expect(await accepted.receive()).toEqual(message)
})

it('tells a relay that does not know the peer from one that is gone', async () => {
  const relay = await createRelay()
  const stranger = node()
  await stranger.transport.listen()
  const other = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32)))
  await expect(
    stranger.transport.dial(`${relay}/p2p-circuit/p2p/${other.toString()}`),
  ).rejects.toMatchObject({
    code: 'ERR_DIAL_FAILED',
    message: expect.stringContaining('does not know the peer') as string,
  })
})

it('goes on without a relay that cannot be reached, and says so once', async () => {
  const warnings: string[] = []
  const onWarning = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const ours = node({ relays: [gone] })
  await ours.transport.listen()
  await until(() => warnings.length > 0)
  expect(warnings).toEqual([expect.stringContaining('has no place at the relay')])
  expect(ours.transport.addresses[0]).toMatch(/\/tcp\/\d+$/)
})

/** A server that takes connections and says nothing, and its port. */
async function createSilentServer() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => void sockets.add(socket.on('error', ignore)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as { port: number }
  return { server, address: `libp2p:///ip4/127.0.0.1/tcp/${port}` }
}

it('does not wait for a silent relay or bootstrap node when it disconnects', async () => {
  const { server, address } = await createSilentServer()
  const relays = [`${address}/p2p/${goneId}`]
  const slow = { dialTimeoutMs: 60_000 }
  const relayed = createNode(slow, { relays })
  const listening = relayed.transport.listen()
  await Promise.all([
    once(server, 'connection'),
    expect(listening).rejects.toThrow('closed'),
    once(server, 'connection').then(() => relayed.transport.disconnect()),
  ])
  const looking = createNode({ ...slow, bootstrapNodes: [address] })
  const announcing = looking.transport.announce(createTopic())
  await Promise.all([
    expect(announcing).rejects.toMatchObject({ code: 'ERR_TRANSPORT_CLOSED' }),
    once(server, 'connection').then(() => looking.transport.disconnect()),
  ])
}, 10_000)

it('stops to wait for a silent relay when the signal of listen fires', async () => {
  const { server, address } = await createSilentServer()
  const context = createContext()
  const relays = [`${address}/p2p/${goneId}`]
  const options = parseLibp2pOptions({ enableQuic: false, relays }, context.settings)
  const medium = createLibp2pMedium(context, options)
  onTestFinished(() => medium.close())
  const controller = new AbortController()
  const listening = medium.listen(ignore, { signal: controller.signal })
  await once(server, 'connection')
  controller.abort(new Error('enough'))
  await expect(listening).rejects.toThrow('enough')
})

it('makes one listener for each relay, also where other addresses are announced', async () => {
  const relay = await createRelay()
  const announceAddresses = ['libp2p:///ip4/127.0.0.1/tcp/9']
  const { ours, listeners } = await createStackNode({ announceAddresses })
  const before = listeners().length
  for (let at = 0; at < 3; at++) {
    const clients = startRelayClients(ours, [multiaddrOf(relay)])
    await clients.firstTries
    await clients.close()
    await expect(ours.reservations.reserve(multiaddrOf(gone))).rejects.toThrow('ECONNREFUSED')
  }
  expect(ours.reservations.hasPlace(multiaddrOf(relay))).toBe(true)
  expect(ours.reservations.hasPlace(multiaddrOf(gone))).toBe(false)
  expect(listeners()).toHaveLength(before + 2)
})

it('takes no relayed connection from somebody who is none of its relays', async () => {
  const { ours, listeners } = await createStackNode()
  const before = listeners().length
  const stranger = await createPlainNode()
  onTestFinished(() => stranger.stop())
  const connection = await stranger.dial([...ours.listenAddresses()])
  const stream = await connection.newStream('/libp2p/circuit/relay/0.2.0/stop')
  await until(() => stream.status !== 'open')
  expect(listeners()).toHaveLength(before)
})

it('counts those behind a relay by their key', async () => {
  const relay = await createRelay()
  const context = createContext()
  const options = parseLibp2pOptions({ enableQuic: false, relays: [relay] }, context.settings)
  const medium = createLibp2pMedium(context, options)
  onTestFinished(() => medium.close())
  const counted: (string | undefined)[] = []
  const addresses = await medium.listen((incoming) => {
    counted.push(incoming.remoteAddress)
    incoming.refuse()
  }, {})
  const dialling = [node(), node()]
  for (const { transport } of dialling) {
    await expect(transport.dial(addresses.at(-1) ?? '')).rejects.toMatchObject({
      code: 'ERR_HANDSHAKE_FAILED',
    })
  }
  expect(counted).toEqual(dialling.map(({ id }) => id))
})

async function createStackNode(given: Libp2pOptions = {}) {
  const context = createContext()
  const options = parseLibp2pOptions({ enableQuic: false, ...given }, context.settings)
  const ours = await startNode({ loaders: stackLoaders, context, options, onMdnsPeer: ignore })
  onTestFinished(() => ours.libp2p.stop())
  const { components } = ours.libp2p as unknown as {
    readonly components: { readonly transportManager: Listeners }
  }
  return { ours, listeners: () => components.transportManager.getListeners() }
}

const ignore = (): void => undefined

/** Somebody who does not even ping, and our end of her connection. */
async function createSilent() {
  const { ours } = await createStackNode()
  const silent = await createPlainNode({ connectionMonitor: { enabled: false } })
  onTestFinished(() => silent.stop())
  await ours.libp2p.handle('/vudo/link/1', () => undefined)
  const connection = await silent.dial([...ours.listenAddresses()])
  await until(() => ours.libp2p.getConnections()[0]?.streams.length === 0)
  const [seen] = ours.libp2p.getConnections()
  if (!seen) throw new Error('the connection has gone')
  return { ours, connection, seen, idleSince: new Map<string, number>() }
}

describe('an idle connection', () => {
  it('is closed also while a ping runs over it', async () => {
    const { ours, connection, seen, idleSince } = await createSilent()
    await sweep(ours, idleSince, 0)
    await connection.newStream('/ipfs/ping/1.0.0')
    await until(() => seen.streams.length > 0)
    await sweep(ours, idleSince, IDLE_CONNECTION_MS - 1)
    expect(seen.status).toBe('open')
    await sweep(ours, idleSince, IDLE_CONNECTION_MS)
    await until(() => connection.status !== 'open')
  })

  it('is kept while it carries a link, and not longer', async () => {
    const { ours, connection, seen, idleSince } = await createSilent()
    await sweep(ours, idleSince, 0)
    const stream = await connection.newStream('/vudo/link/1')
    await until(() => seen.streams.length > 0)
    await sweep(ours, idleSince, IDLE_CONNECTION_MS)
    stream.abort(new Error('enough'))
    await until(() => seen.streams.length === 0)
    await sweep(ours, idleSince, 2 * IDLE_CONNECTION_MS)
    expect(seen.status).toBe('open')
    await sweep(ours, idleSince, 3 * IDLE_CONNECTION_MS)
    await until(() => connection.status !== 'open')
  })

  it('is kept when the stack needs it: a neighbour in the DHT, a relay', async () => {
    const { ours, seen, idleSince } = await createSilent()
    await ours.libp2p.peerStore.merge(seen.remotePeer, { tags: { 'keep-alive-kad-dht': {} } })
    await sweep(ours, idleSince, 0)
    await sweep(ours, idleSince, 2 * IDLE_CONNECTION_MS)
    expect(seen.status).toBe('open')
  })
})
