import { mdns } from '@vudo/discovery-mdns'
import { createNetwork, type Network } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { openDatabase, type Database } from '@vudo/sync'
import { deriveTopic, topicToHex } from '@vudo/topic'
import {
  createTransport,
  type Discovery,
  type Transport,
  type TransportContext,
  type TransportFactory,
} from '@vudo/transport'
import { openBelongings, type Belongings } from './data-directory.ts'
import { logEvents } from './log.ts'
import type { P2PSettings } from './options.ts'
// Importing them makes them known to `createTransport`.
import '@vudo/transport-disabled'
import '@vudo/transport-tcp'

/** Everything that is open between `initialize` and `stop`. */
export interface Running extends Belongings {
  readonly transports: readonly Transport[]
  readonly discoveries: readonly Discovery[]
  readonly network: Network
  readonly database: Database
  /** Closes all of it, in the reverse order of opening. */
  close(): Promise<void>
}

/** Opens what a node needs. Nothing touches the network before `network.start()`. */
export async function openRunning(settings: P2PSettings): Promise<Running> {
  const belongings = await openBelongings(settings)
  const closers: (() => Promise<void> | void)[] = [() => belongings.store.close()]
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    const transports = openTransports(settings, createTransportContext(belongings.key))
    closers.push(async () => {
      await Promise.all(transports.map((transport) => transport.disconnect()))
    })
    const discoveries = openDiscoveries(settings, transports)
    closers.push(async () => {
      await Promise.all(discoveries.map((discovery) => discovery.close()))
    })
    const network = createNetwork({
      key: belongings.key,
      transports,
      discoveries,
      options: {
        heartbeatIntervalMs: settings.heartbeatIntervalMs,
        maxConnections: settings.transport.maxConnections,
        discoveryIntervalMs: settings.discovery.discoveryIntervalMs,
        bootstrapNodes: [
          ...settings.transport.bootstrapNodes,
          ...belongings.ticket.peers.map(({ address }) => address),
        ],
      },
    })
    closers.push(() => network.stop(), logEvents(network.events, 'p2p:network'))
    const database = await openDatabase({
      id: belongings.ticket.databaseId,
      store: belongings.store.sub(viewName(belongings.ticket.databaseId)),
      author: belongings.author,
      network,
      policy: settings.policy,
    })
    closers.push(() => database.close(), logEvents(database.events, 'p2p:sync'))
    return { ...belongings, transports, discoveries, network, database, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Databases share the store and not their keys. 128 bits of the topic tell them apart within the 64 bytes of a view's name. */
function viewName(databaseId: string): string {
  return `db-${topicToHex(deriveTopic(databaseId)).slice(0, 32)}`
}

function openTransports(
  settings: P2PSettings,
  context: Omit<TransportContext, 'settings'>,
): readonly Transport[] {
  const wanted: readonly (string | TransportFactory)[] = settings.transports ?? [
    settings.transport.mode,
  ]
  return wanted.map((one) =>
    typeof one === 'string'
      ? createTransport({ ...settings.transportConfig, mode: one }, context)
      : one({ ...context, settings: settings.transport }),
  )
}

/** Multicast DNS unless it is switched off or nothing could be dialled anyway; then what the caller brings. */
function openDiscoveries(
  { discovery, discoveries }: P2PSettings,
  transports: readonly Transport[],
): readonly Discovery[] {
  const isUseful = discovery.enableMdns && transports.some(({ features }) => features.dials)
  if (!isUseful) return discoveries
  const { discoveryIntervalMs, serviceName, serviceType } = discovery
  const local = mdns({
    discoveryIntervalMs,
    serviceName,
    serviceType,
    interface: discovery.interface,
  })
  return [local, ...discoveries]
}
