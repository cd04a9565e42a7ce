import { mdns } from '@vudo/discovery-mdns'
import type { Ticket } from '@vudo/identity'
import { createNetwork, type Network } from '@vudo/network'
import { openDatabase, type Database } from '@vudo/sync'
import type { Willow } from '@vudo/willow'
import {
  createTransport,
  type Discovery,
  type Transport,
  type TransportContext,
  type TransportFactory,
} from '@vudo/transport'
import { openBelongings, type Belongings } from './data-directory.ts'
import { logEvents, warnOnce } from './log.ts'
import { hasMethods, invalid } from './option-types.ts'
import type { P2PSettings } from './options.ts'
import { createSealing, type Sealing } from './sealing.ts'
import { viewName } from './view-name.ts'
import { openWillowOf } from './willow.ts'
// Importing them makes them known to `createTransport`.
import '@vudo/transport-disabled'
import '@vudo/transport-tcp'

/** Everything that is open between `initialize` and `stop`. */
export interface Running extends Belongings {
  readonly sealing: Sealing
  readonly transports: readonly Transport[]
  readonly discoveries: readonly Discovery[]
  readonly network: Network
  readonly database: Database
  /** `undefined` without the option `willow`. */
  readonly willow: Willow | undefined
  /**
   * Closes all of it, in the reverse order of opening. What cannot be closed does not keep
   * the rest open.
   *
   * @throws the first error.
   */
  close(): Promise<void>
}

/** Opens what a node needs. Nothing touches the network before `network.start()`. */
export async function openRunning(settings: P2PSettings): Promise<Running> {
  const belongings = await openBelongings(settings)
  const closers: (() => Promise<void> | void)[] = [() => belongings.store.close()]
  const close = (): Promise<void> => closeAll(closers.splice(0).toReversed())
  try {
    const sealing = createSealing(belongings.key)
    closers.push(() => sealing.close())
    const transports = openTransports(settings, sealing.context)
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
      sealingKeys: sealing.keys,
      options: {
        heartbeatIntervalMs: settings.heartbeatIntervalMs,
        maxConnections: settings.transport.maxConnections,
        discoveryIntervalMs: settings.discovery.discoveryIntervalMs,
        bootstrapNodes: [...settings.transport.bootstrapNodes, ...dialable(belongings.ticket)],
      },
    })
    logEvents(network.events, 'p2p:network')
    closers.push(() => network.stop())
    const database = await openDatabase({
      id: belongings.ticket.databaseId,
      store: belongings.store.sub(viewName(belongings.ticket)),
      author: belongings.author,
      network,
      policy: settings.policy,
    })
    logEvents(database.events, 'p2p:sync')
    closers.push(() => database.close())
    const willow = settings.willow
      ? await openWillowOf(settings, belongings, { network })
      : undefined
    if (willow) closers.push(() => willow.close())
    return { ...belongings, sealing, transports, discoveries, network, database, willow, close }
  } catch (error) {
    // Why it failed is what the caller needs to know; what closing adds to it follows from that.
    await close().catch(() => {})
    throw error
  }
}

/**
 * Takes part in the database.
 *
 * @throws `TransportError` when a transport cannot listen; it may be tried again then.
 */
export async function joinNetwork({ network, transports, ticket }: Running): Promise<void> {
  // Before the network starts, which it does once: a port that is taken now may be free at the next try.
  await Promise.all(transports.map((transport) => transport.listen()))
  await network.start()
  const { databaseId: id, secret } = ticket
  await network.join(secret === undefined ? { id } : { id, secret })
}

async function closeAll(closers: readonly (() => Promise<void> | void)[]): Promise<void> {
  const errors: unknown[] = []
  for (const closer of closers) {
    try {
      await closer()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}

/** Addresses that a ticket names and a transport may know; a ticket is somebody else's text. */
function dialable({ peers }: Ticket): string[] {
  return peers.map(({ address }) => address).filter((address) => /^[^:]+:\/\/./.test(address))
}

function openTransports(
  settings: P2PSettings,
  context: Omit<TransportContext, 'settings'>,
): readonly Transport[] {
  if (!settings.transport.encryption) {
    warnOnce(
      'encryption: false leaves out the end-to-end layer where the medium proves its peers; connections stay encrypted',
    )
  }
  const wanted: readonly (string | TransportFactory)[] = settings.transports ?? [
    settings.transport.mode,
  ]
  return wanted.map((one) => {
    if (typeof one === 'string') {
      return createTransport({ ...settings.transportConfig, mode: one }, context)
    }
    const transport = one({ ...context, settings: settings.transport })
    if (hasMethods(transport, ['listen', 'connect', 'dial', 'disconnect'])) return transport
    throw invalid('transports', transport, 'factories that give a transport')
  })
}

/** Multicast DNS unless it is switched off or nothing could be dialled anyway; then what the caller brings. */
function openDiscoveries(
  { discovery, discoveries }: P2PSettings,
  transports: readonly Transport[],
): readonly Discovery[] {
  const isUseful = discovery.enableMdns && transports.some(({ features }) => features.dials)
  if (!isUseful) return discoveries
  const { enableMdns: _, ...options } = discovery
  return [mdns(options), ...discoveries]
}
