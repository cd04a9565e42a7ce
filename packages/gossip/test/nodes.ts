/** Nodes that gossip over TCP on loopback, released after each test. */
import { createNodeKey, createSealingKeys, signPeerRecord, type NodeKey } from '@vudo/identity'
import { createNetwork, type Network, type NetworkOptions, type Session } from '@vudo/network'
import { waitFor } from '@vudo/testing'
import { parseTransportConfig, type Transport, type TransportContext } from '@vudo/transport'
import { tcp } from '@vudo/transport-tcp'
import { createGossip, type Gossip, type GossipMessage, type GossipOptions } from '@vudo/gossip'
import { onTestFinished } from 'vitest'

export const secret: Uint8Array = new Uint8Array(32).fill(7)

function contextOf(key: NodeKey): Omit<TransportContext, 'settings'> {
  const sealing = createSealingKeys({ now: () => Date.now() })
  return {
    peerId: key.peerId,
    seed: key.seed,
    discoveries: [],
    signRecord: (addresses) =>
      signPeerRecord(key, {
        addresses,
        sequence: Date.now(),
        expiresAtMs: Date.now() + 3_600_000,
        sealingKey: sealing.publicKey,
      }),
    secure: () => Promise.reject(new Error('not needed by tcp')),
  }
}

function tcpTransport(key: NodeKey): Transport {
  const settings = parseTransportConfig({
    port: 0,
    bindAddress: '127.0.0.1',
    maxNewConnectionsPerSecond: 10_000,
    dialTimeoutMs: 5_000,
  })
  return tcp()({ ...contextOf(key), settings })
}

/** A started network that has joined the database `db`. */
export interface TestNode {
  readonly key: NodeKey
  readonly network: Network
  readonly address: string
}

export async function startNode(options: NetworkOptions = {}): Promise<TestNode> {
  const key = createNodeKey()
  const network = createNetwork({ key, transports: [tcpTransport(key)], options })
  onTestFinished(() => network.stop())
  await network.start()
  await network.join({ id: 'db', secret })
  return { key, network, address: network.addresses[0] ?? '' }
}

/** Gossip in the database `db`. */
export async function startGossip(node: TestNode, options: GossipOptions = {}): Promise<Gossip> {
  const { key, network } = node
  const gossip = await createGossip({ key, network, database: 'db', options })
  onTestFinished(() => gossip.close())
  return gossip
}

/** Two nodes that gossip with each other; `a` dialled, unless they are to stay apart. */
export async function startPair({ isConnected = true } = {}): Promise<{
  readonly a: TestNode
  readonly b: TestNode
  readonly gossipA: Gossip
  readonly gossipB: Gossip
}> {
  const [a, b] = [await startNode(), await startNode()]
  const [gossipA, gossipB] = [await startGossip(a), await startGossip(b)]
  if (isConnected) await a.network.connectPeer(b.address)
  return { a, b, gossipA, gossipB }
}

/** The session of `from` with `to`, when both have proven to have the database. */
export async function sharedSession(from: TestNode, to: TestNode): Promise<Session> {
  const find = (): Session | undefined => from.network.session(to.key.peerId)
  await waitFor(() => find()?.databases.has('db') === true)
  const session = find()
  if (session === undefined) throw new Error('the session has ended')
  return session
}

/** The next message of a topic. */
export async function nextOf(topic: AsyncIterable<GossipMessage>): Promise<GossipMessage> {
  for await (const message of topic) return message
  throw new Error('the topic has ended')
}
