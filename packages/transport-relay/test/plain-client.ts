import { createNodeKey } from '@vudo/identity'
import { systemRuntime } from '@vudo/swarm'
import { bytesToHex } from '@vudo/wire'
import { inboxTopic } from '../src/inbox-topic.ts'
import { createNodeConnector } from '../src/node-socket.ts'
import { parseRelayAddress, parseRelayUrl } from '../src/relay-address.ts'
import { createRelayLink, type RelayLink } from '../src/relay-link.ts'
import type { RelayPipe } from '../src/relay-pipe.ts'

/** A client of a relay that proves its key there and knows nothing of swarms and handshakes. */
export interface PlainClient {
  readonly endpoint: string
  readonly link: RelayLink
  /** Pipes that others have opened. */
  readonly incoming: RelayPipe[]
  /** Opens a pipe to the node at `address`. */
  dial(address: string): Promise<RelayPipe>
  close(): Promise<void>
}

/** Connects and waits until the relay has let it in. */
export async function createPlainClient(url: string): Promise<PlainClient> {
  const key = createNodeKey()
  const endpoint = key.peerId + bytesToHex(systemRuntime.randomBytes(16))
  const incoming: RelayPipe[] = []
  let news = Promise.withResolvers<void>()
  const link = createRelayLink({
    target: parseRelayUrl(url),
    endpoint,
    sign: (message) => key.sign('vudo/relay-challenge/1', message),
    connect: createNodeConnector({ environment: {} }),
    runtime: systemRuntime,
    onIncoming: (pipe) => incoming.push(pipe),
    onMember: () => undefined,
    onNews: () => {
      news.resolve()
      news = Promise.withResolvers()
    },
  })
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await news.promise
  }
  link.topics.join(inboxTopic(key.peerId), { isListed: false, isWatching: false })
  link.start()
  await until(() => link.isConnected || link.lastingError !== undefined)
  if (link.lastingError) {
    await link.close()
    throw link.lastingError
  }
  return {
    endpoint,
    link,
    incoming,
    async dial(address) {
      const far = parseRelayAddress(address).endpoint
      const topic = inboxTopic(far.slice(0, 64))
      link.topics.join(topic, { isListed: false, isWatching: false })
      await until(() => link.topics.isComplete(topic))
      return link.open(far)
    },
    close: () => link.close(),
  }
}
