import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import {
  parseTransportConfig,
  type Connection,
  type Topic,
  type Transport,
  type TransportFactory,
} from '@vudo/transport'

/** A node with one transport. */
export interface TestNode {
  readonly id: string
  readonly transport: Transport
  /** Joins a topic and gives its connections, each once. */
  join(topic: Topic): AsyncIterator<Connection>
}

/** Makes a node; the caller disconnects it. */
export function createNode(factory: TransportFactory): TestNode {
  const context = createTransportContext(createNodeKey())
  const settings = parseTransportConfig({ port: 0, bindAddress: '127.0.0.1' })
  const transport = factory({ ...context, settings })
  return {
    id: context.peerId,
    transport,
    join: (topic) => transport.connect(topic)[Symbol.asyncIterator](),
  }
}

/** Brings two nodes together under a fresh topic: each one's connection to the other. */
export async function meet(a: TestNode, b: TestNode): Promise<[Connection, Connection]> {
  const topic = crypto.getRandomValues(new Uint8Array(32))
  const [atA, atB] = [a.join(topic), b.join(topic)]
  return Promise.all([next(atA), next(atB)])
}

/** The next connection of a joined topic. */
export async function next(joined: AsyncIterator<Connection>): Promise<Connection> {
  const { value, done } = await joined.next()
  if (done === true) throw new Error('the topic ended')
  return value
}
