import type { Channel } from '@vudo/network'
import type { GossipNetwork } from './gossip.ts'

type Handlers = Map<string, (channel: Channel) => void>

/** A network has one handler for a protocol; the databases of it share that one. */
const handlersByNetwork = new WeakMap<GossipNetwork, Map<string, Handlers>>()

/**
 * Takes the channels that peers open for `protocol` and one database.
 *
 * @returns Ends it.
 * @throws `TypeError` when somebody takes them already: two routers of one database would
 *   each get half of the messages.
 */
export function handleChannels(
  network: GossipNetwork,
  at: { readonly protocol: string; readonly database: string },
  handler: (channel: Channel) => void,
): () => void {
  const { protocol, database } = at
  const byProtocol = handlersByNetwork.get(network) ?? new Map<string, Handlers>()
  handlersByNetwork.set(network, byProtocol)
  const handlers: Handlers = byProtocol.get(protocol) ?? new Map<string, () => void>()
  byProtocol.set(protocol, handlers)
  if (handlers.has(database)) throw new TypeError(`database "${database}" has gossip already`)
  if (handlers.size === 0) {
    network.handle(protocol, (channel) => {
      const handle = handlers.get(channel.database ?? '')
      if (handle) handle(channel)
      else channel.reset('ERR_GOSSIP_CLOSED')
    })
  }
  handlers.set(database, handler)
  return () => {
    if (handlers.get(database) === handler) handlers.delete(database)
  }
}
