import { networkInterfaces } from 'node:os'
import { mdns } from '@vudo/discovery-mdns'
import type { Ticket } from '@vudo/identity'
import { createNetwork, type Network, type NetworkOptions } from '@vudo/network'
import { openDatabase, type Database } from '@vudo/sync'
import { isPeerId, type Discovery, type PeerId, type Transport } from '@vudo/transport'
import type { Willow } from '@vudo/willow'
import { Bandwidth, type BandwidthState } from './bandwidth.ts'
import { openBelongings, type Belongings } from './data-directory.ts'
import { openGossipOf, type Gossiping } from './gossip.ts'
import { PEERS_BESIDE_GOSSIP } from './limits.ts'
import type { OptionReport } from './configuration.ts'
import { log, logEvents } from './log.ts'
import { isConnectionMetered } from './metered.ts'
import { invalid } from './option-types.ts'
import type { P2PSettings } from './settings.ts'
import { reachText } from './reach-text.ts'
import { createSealing, type Sealing } from './sealing.ts'
import { openTransports } from './transports.ts'
import { viewName } from './view-name.ts'
import { openWillowOf } from './willow.ts'

/** Everything that is open between `initialize` and `stop`, in this thread or in a worker. */
export interface Running extends Pick<Belongings, 'ticket' | 'replacedTicketFile'> {
  readonly key: Pick<Belongings['key'], 'peerId'>
  readonly author: Pick<Belongings['author'], 'authorId'>
  readonly sealing: Pick<Sealing, 'keys'>
  readonly transports: readonly Pick<Transport, 'name'>[]
  readonly network: Network
  readonly bandwidth: Pick<Bandwidth, 'state' | 'setProfile'>
  readonly database: Database
  /** What holds where a module of the worker says so as well; `undefined`: what this thread has read. */
  readonly configuration?: readonly OptionReport[] | undefined
  /** Why this thread has no willow and no gossip, when a worker may have them. */
  readonly elsewhere?: ((name: string) => Error) | undefined
  /** `undefined` without the option `willow`. */
  readonly willow: Willow | undefined
  /** `undefined` without the option `gossip`. */
  readonly gossiping: Gossiping | undefined
  /**
   * Takes part in the database.
   *
   * @throws `TransportError` when a transport cannot listen; it may be tried again then.
   */
  join(): Promise<void>
  /**
   * Closes all of it, in the reverse order of opening. What cannot be closed does not keep
   * the rest open.
   *
   * @throws the first error.
   */
  close(): Promise<void>
}

/** What is open only when the settings ask for it. */
interface Extras {
  willow?: Willow
  gossiping?: Gossiping
}

function tellMetered({ willow, gossiping }: Extras, { isMetered }: BandwidthState): void {
  if (willow) willow.isMetered = isMetered
  gossiping?.capabilities.set({ metered: isMetered })
}

/** Opens what a node needs. Nothing touches the network before `network.start()`. */
export async function openRunning(
  settings: P2PSettings,
  onBandwidth: (state: BandwidthState) => void,
): Promise<Running> {
  const belongings = await openBelongings(settings)
  const closers: (() => Promise<void> | void)[] = [() => belongings.store.close()]
  const close = (): Promise<void> => closeAll(closers.splice(0).toReversed())
  try {
    checkIdentity(belongings.key.peerId, settings.peerId)
    const sealing = createSealing(belongings.key)
    closers.push(() => sealing.close())
    const transports = await openTransports(settings, sealing.context)
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
      interfaces: interfacesAsText,
      options: networkOptions(settings, belongings.ticket),
    })
    logEvents(network.events, 'p2p:network')
    closers.push(() => network.stop())
    const extras: Extras = {}
    const bandwidth = openBandwidth(settings, network, (state) => {
      tellMetered(extras, state)
      onBandwidth(state)
    })
    closers.push(() => bandwidth.close())
    const database = await openDocuments(settings, belongings, network)
    closers.push(() => database.close())
    for await (const opened of openExtras(settings, belongings, { network, database, extras })) {
      closers.push(() => opened.close())
    }
    tellMetered(extras, bandwidth.state)
    const { ticket } = belongings
    return {
      ...belongings,
      sealing,
      transports,
      network,
      bandwidth,
      database,
      willow: extras.willow,
      gossiping: extras.gossiping,
      join: () => joinNetwork({ network, bandwidth, discoveries, ticket }),
      close,
    }
  } catch (error) {
    // Why it failed is what the caller needs to know; what closing adds to it follows from that.
    await close().catch(() => {})
    throw error
  }
}

/**
 * Opens what the settings ask for.
 *
 * @yields each thing when it is open, to be closed in reverse order.
 */
async function* openExtras(
  settings: P2PSettings,
  belongings: Belongings,
  at: { readonly network: Network; readonly database: Database; readonly extras: Extras },
): AsyncGenerator<{ close(): Promise<void> }> {
  const { network, database, extras } = at
  if (settings.willow) {
    extras.willow = await openWillowOf(settings, belongings, { network })
    yield extras.willow
  }
  if (settings.gossip) {
    const { policy } = settings
    extras.gossiping = await openGossipOf(belongings, { network, database, policy })
    yield extras.gossiping
  }
}

interface Joining {
  readonly network: Network
  readonly bandwidth: Bandwidth
  readonly discoveries: readonly Discovery[]
  readonly ticket: Ticket
}

async function joinNetwork({ network, bandwidth, discoveries, ticket }: Joining): Promise<void> {
  await network.start()
  // Not waited for: a platform that does not answer must not keep peers apart.
  void bandwidth.start()
  const { databaseId: id, secret } = ticket
  await network.join(secret === undefined ? { id } : { id, secret })
  const { addresses } = network
  const hasDiscovery = discoveries.length > 0
  log('info', 'p2p', reachText({ addresses, hasDiscovery, isPublic: secret === undefined }))
}

async function openDocuments(
  settings: P2PSettings,
  { ticket, store, author }: Belongings,
  network: Network,
): Promise<Database> {
  const database = await openDatabase({
    id: ticket.databaseId,
    store: store.sub(viewName(ticket)),
    author,
    network,
    policy: settings.policy,
    syncIntervalMs: settings.syncIntervalMs,
  })
  logEvents(database.events, 'p2p:sync')
  return database
}

/** In another network the platform may say something else. */
function openBandwidth(
  settings: P2PSettings,
  network: Network,
  onChange: (state: BandwidthState) => void,
): Bandwidth {
  const bandwidth = new Bandwidth({
    settings: settings.bandwidth,
    network,
    isMetered: isConnectionMetered,
    intervalMs: settings.healthCheckIntervalMs,
    onChange,
  })
  network.events.on('surroundings:changed', () => void bandwidth.look())
  return bandwidth
}

function networkOptions(settings: P2PSettings, ticket: Ticket): NetworkOptions {
  const { heartbeatIntervalMs, transport, discovery, peers } = settings
  const named = transport.bootstrapNodes.filter(isPeerAddress)
  return {
    heartbeatIntervalMs,
    connectionTimeoutMs: transport.connectionTimeoutMs,
    maxConnections: transport.maxConnections,
    discoveryIntervalMs: discovery.discoveryIntervalMs,
    bootstrapNodes: [...named, ...dialable(ticket)],
    peers,
    maxPeersPerDatabase: settings.gossip ? PEERS_BESIDE_GOSSIP : undefined,
  }
}

/** A folder that was copied or mixed up is noticed before others hear of it. */
function checkIdentity(peerId: PeerId, wanted: PeerId | undefined): void {
  if (wanted === undefined || wanted === peerId) return
  throw invalid('peerId', wanted, `${peerId}, whose key the data directory holds`)
}

/** The addresses of this machine, in a fixed order. */
function interfacesAsText(): string {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address, netmask }) => `${address}/${netmask}`)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join(' ')
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

/** `hyperswarm://host:port` is a node of its hash table and no peer of ours; its transport has it from the settings. */
function isPeerAddress(address: string): boolean {
  return !address.startsWith('hyperswarm://') || isPeerId(address.slice('hyperswarm://'.length))
}

/** Addresses that a ticket names and a transport may know; a ticket is somebody else's text. */
function dialable({ peers }: Ticket): string[] {
  return peers.map(({ address }) => address).filter((address) => /^[^:]+:\/\/./.test(address))
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
