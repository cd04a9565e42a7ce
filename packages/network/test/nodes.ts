/** Networks for tests, on loopback or inside this process, released after each test. */
import { createNodeKey, createSealingKeys, signPeerRecord, type NodeKey } from '@vudo/identity'
import { parseTransportConfig, type Transport, type TransportContext } from '@vudo/transport'
import { tcp } from '@vudo/transport-tcp'
import {
  createNetwork,
  type Channel,
  type Network,
  type NetworkInit,
  type NetworkOptions,
} from '@vudo/network'
import { onTestFinished } from 'vitest'

/** A context as `secure-channel` makes it, for transports that prove the peer themselves. */
export function contextOf(key: NodeKey): Omit<TransportContext, 'settings'> {
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

/** A TCP transport on a free port of loopback. */
export function tcpTransport(key: NodeKey): Transport {
  const settings = parseTransportConfig({
    port: 0,
    bindAddress: '127.0.0.1',
    maxNewConnectionsPerSecond: 10_000,
    dialTimeoutMs: 5_000,
  })
  return tcp()({ ...contextOf(key), settings })
}

export interface TestNode {
  readonly key: NodeKey
  readonly transport: Transport
  readonly network: Network
  readonly address: string
}

/** A started network over TCP, stopped when the test has finished. */
export async function startNode(
  options: NetworkOptions = {},
  init: Partial<NetworkInit> = {},
): Promise<TestNode> {
  const key = init.key ?? createNodeKey()
  const transport = init.transports?.[0] ?? tcpTransport(key)
  const network = createNetwork({ ...init, key, transports: [transport], options })
  onTestFinished(() => network.stop())
  await network.start()
  return { key, transport, network, address: network.addresses[0] ?? '' }
}

/** Two nodes with a database in common, connected; `a` dialled. */
export async function startPair(
  options: NetworkOptions = {},
): Promise<{ readonly a: TestNode; readonly b: TestNode }> {
  const [a, b] = [await startNode(options), await startNode(options)]
  const secret = new Uint8Array(32).fill(7)
  await a.network.join({ id: 'db', secret })
  await b.network.join({ id: 'db', secret })
  await a.network.connectPeer(b.address)
  return { a, b }
}

/** The next channel that a peer opens for `protocol`. */
export function nextChannel(network: Network, protocol: string): Promise<Channel> {
  const { promise, resolve } = Promise.withResolvers<Channel>()
  const remove = network.handle(protocol, (channel) => {
    remove()
    resolve(channel)
  })
  return promise
}

/** Sends back whatever comes, for as long as the channel lives. */
export function echo(network: Network, protocol = '/echo/1'): void {
  network.handle(protocol, (channel) => {
    void answerAll(channel)
  })
}

async function answerAll(channel: Channel): Promise<void> {
  try {
    for await (const message of channel) await channel.send(message)
    void channel.close()
  } catch {
    // The test ended the channel.
  }
}

/** Bytes that tell where they come from. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + seed * 17) & 255
  return bytes
}
