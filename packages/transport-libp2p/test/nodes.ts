import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import {
  parseTransportConfig,
  type Connection,
  type Topic,
  type Transport,
  type TransportConfig,
  type TransportContext,
} from '@vudo/transport'
import { libp2p, type Libp2pOptions } from '@vudo/transport-libp2p'

/** A node on loopback, with a fresh key and without a discovery. */
export function createContext(config: TransportConfig = {}): TransportContext {
  return {
    ...createTransportContext(createNodeKey()),
    settings: parseTransportConfig({
      bindAddress: '127.0.0.1',
      port: 0,
      maxNewConnectionsPerSecond: 1_000,
      ...config,
    }),
  }
}

export interface TestNode {
  readonly id: string
  readonly transport: Transport
}

/** Without QUIC, whose start takes longer than all the rest, unless a test is about it. */
export function createNode(config: TransportConfig = {}, options: Libp2pOptions = {}): TestNode {
  const context = createContext(config)
  return { id: context.peerId, transport: libp2p({ enableQuic: false, ...options })(context) }
}

export async function addressOf({ transport }: TestNode): Promise<string> {
  await transport.listen()
  return transport.addresses[0] ?? ''
}

export function createTopic(): Topic {
  return crypto.getRandomValues(new Uint8Array(32))
}

/** The first connection under a topic; the topic stays joined until the transport disconnects. */
export async function firstOf({ transport }: TestNode, topic: Topic): Promise<Connection> {
  const { value } = await transport.connect(topic)[Symbol.asyncIterator]().next()
  if (!value) throw new Error('connect ended without a connection')
  return value as Connection
}

/** Waits until it holds; the test's own limit ends it otherwise. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20))
}
