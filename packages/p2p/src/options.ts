import { isIP, isIPv4 } from 'node:net'
import { MAX_DATABASE_ID_BYTES, parseTicket, type Ticket } from '@vudo/identity'
import type { PeerLists } from '@vudo/network'
import type { Policy } from '@vudo/sync'
import {
  isPeerId,
  parseTransportConfig,
  TransportError,
  type Discovery,
  type PeerId,
  type TransportConfig,
  type TransportFactory,
  type TransportSettings,
} from '@vudo/transport'
import { checkProfile } from './bandwidth.ts'
import { checkContradictions, checkObtainable } from './contradictions.ts'
import { checkTypes, hasMethods, invalid } from './option-types.ts'
import { parseBootstrapNodes } from './peer-address.ts'

/** How peers on the local network are found. */
export interface DiscoveryOptions {
  /**
   * Whether to use multicast DNS.
   *
   * @defaultValue true
   */
  readonly enableMdns?: boolean | undefined
  /**
   * Milliseconds between two searches, 1,000 to 86,400,000, each with up to a fifth of
   * jitter; the first is at once. Higher costs less idle traffic and finds later.
   *
   * @defaultValue 30,000
   */
  readonly discoveryIntervalMs?: number | undefined
  /** Another name of {@link discoveryIntervalMs}. */
  readonly peerDiscoveryInterval?: number | undefined
  /** Another name of {@link discoveryIntervalMs}. */
  readonly discoveryInterval?: number | undefined
  /**
   * False, here or at the top, keeps transports from their distributed hash table.
   *
   * @defaultValue true
   */
  readonly enableDht?: boolean | undefined
  /**
   * Name under which this product announces itself: 1 to 40 letters, digits and hyphens.
   *
   * @defaultValue `'vudo'`
   */
  readonly serviceName?: string | undefined
  /**
   * DNS service type. Only programs with the same one find each other.
   *
   * @defaultValue `'_vudo._tcp'`
   */
  readonly serviceType?: string | undefined
  /**
   * IPv4 address of the one interface to use; `127.0.0.1` keeps to this machine.
   *
   * @defaultValue all interfaces
   */
  readonly interface?: string | undefined
}

/** Everything that `createP2P` can be told. All of it may be left out. */
export interface P2POptions extends TransportConfig {
  /**
   * Name of the application; decides the default data directory. 1 to 64 letters, digits,
   * dots, dashes and underscores; the first is a letter or digit.
   *
   * @defaultValue `'vudo'`
   */
  readonly app?: string | undefined
  /**
   * Folder for keys, documents and the ticket. One process owns it.
   *
   * @defaultValue the platform's data directory for `app`
   */
  readonly dataDir?: string | undefined
  /**
   * `'memory'` keeps nothing: fresh keys, an empty database, gone at the end.
   *
   * @defaultValue `'disk'`
   */
  readonly storage?: 'disk' | 'memory' | undefined
  /**
   * What to take part in: a ticket, or `open:` and the id (1 to 255 bytes) of an open, public
   * database. Kept in the data directory for the next start; the ticket kept before stays
   * beside it, see {@link P2P.replacedTicketFile}.
   *
   * @defaultValue the database of the data directory; a new private one in a new directory
   */
  readonly database?: string | undefined
  /**
   * Transports by name or factory, instead of `mode`: `['tcp', 'libp2p']`. The first one
   * listens on `port`, the others on any free port.
   *
   * @defaultValue what `mode` says; `auto` is TCP and what the application has imported
   */
  readonly transports?: readonly (string | TransportFactory)[] | undefined
  /**
   * With `mode: 'auto'`: true adds libp2p, false leaves it out even when it is imported.
   *
   * @defaultValue whether `@vudo/transport-libp2p` is imported
   */
  readonly enableLibp2p?: boolean | undefined
  /** How peers are found. */
  readonly discovery?: DiscoveryOptions | undefined
  /**
   * More ways to find peers, made by the caller, closed by `stop`.
   *
   * @defaultValue none
   */
  readonly discoveries?: readonly Discovery[] | undefined
  /**
   * Who may read, write, delete and administer which path.
   *
   * @defaultValue every member may do everything
   */
  readonly policy?: Policy | undefined
  /**
   * Milliseconds of silence after which a peer is asked for a sign of life, 100 to
   * 3,600,000; it is lost after three questions without an answer. Lower notices sooner and
   * costs idle traffic.
   *
   * @defaultValue 15,000
   */
  readonly heartbeatIntervalMs?: number | undefined
  /** Another name of {@link heartbeatIntervalMs}. */
  readonly heartbeatInterval?: number | undefined
  /**
   * Whether to open Willow as well: entries with rights that can be granted, and erasure that
   * others follow, in `p2p.willow()`. Needs the package `@vudo/willow`.
   *
   * @defaultValue false
   */
  readonly willow?: boolean | undefined
  /**
   * Whether to gossip with all members of the database: topics, presence, and what each peer
   * can do, in `p2p.gossip()`, `p2p.presence()` and `p2p.peersWith()`. With many members, gossip
   * chooses whom to keep sessions with. Needs the package `@vudo/gossip`.
   *
   * @defaultValue false
   */
  readonly gossip?: boolean | undefined
  /**
   * Milliseconds between two looks at what the platform says of the connection, 1,000 to 86,400,000.
   *
   * @defaultValue 60,000
   */
  readonly healthCheckIntervalMs?: number | undefined
  /** Another name of {@link healthCheckIntervalMs}. */
  readonly healthCheckInterval?: number | undefined
  /**
   * Whom to let in, and whom to keep out, by peer id. `network.setPeerLists` changes it later.
   *
   * @defaultValue everybody who has the database
   */
  readonly peers?: PeerLists | undefined
  /**
   * A JSON file with options. It counts less than what the program and the environment say.
   *
   * @defaultValue `config.json` in the data directory, where there is one
   */
  readonly config?: string | undefined
  /**
   * Who this node has to be: refused with `ERR_CONFIG_INVALID` when the data directory holds another key.
   *
   * @defaultValue whoever the data directory says
   */
  readonly peerId?: PeerId | undefined
  /** Another name of {@link peerId}. */
  readonly nodeId?: PeerId | undefined
  /**
   * With `mode: 'auto'`: false leaves out WebRTC even when it is imported.
   *
   * @defaultValue whether it is imported
   */
  readonly enableWebrtc?: boolean | undefined
  /**
   * Megabits per second that this node may send and receive, 0.001 to 1,000,000; 1 is
   * 125,000 bytes. What a person waits for is counted, and does not wait.
   *
   * @defaultValue no limit
   */
  readonly bandwidthLimitMbps?: number | undefined
  /** How much may be used of a connection that costs by the byte. */
  readonly bandwidth?: BandwidthOptions | undefined
  /** For the document engine. Idle in this version. */
  readonly sync?: SyncOptions | undefined
  /** A central server to sync with. Idle in this version. @defaultValue none */
  readonly url?: string | undefined
  /** Attempts per operation. Idle in this version: what fails is repeated until it is not wanted. @defaultValue 3 */
  readonly maxRetryAttempts?: number | undefined
  /** Folder for what can be fetched again. Idle in this version. @defaultValue `cache` in the data directory */
  readonly cacheDir?: string | undefined
  /** Bytes in that folder. Idle in this version. @defaultValue 10,000,000,000 */
  readonly cacheLimitBytes?: number | undefined
  /** Transfers at one time. Idle in this version. @defaultValue 3 */
  readonly maxConcurrentTransfers?: number | undefined
  /** Milliseconds without progress. Idle in this version. @defaultValue 300,000 */
  readonly transferTimeoutMs?: number | undefined
  /** Another name of {@link transferTimeoutMs}. */
  readonly transferTimeout?: number | undefined
  /** A page of metrics. Idle in this version. */
  readonly metrics?: { readonly port?: number | undefined } | undefined
}

/** How bandwidth is used. */
export interface BandwidthOptions {
  /**
   * `metered` and `unmetered` say what the connection is; `auto` asks the platform, and takes
   * it for unmetered where that does not tell.
   *
   * @defaultValue `'auto'`
   */
  readonly profile?: BandwidthProfile | undefined
  /** What holds while the connection is metered. */
  readonly metered?:
    | {
        /**
         * Bytes per second, 1 to 10^12; the smaller of this and `bandwidthLimitMbps` counts.
         *
         * @defaultValue 1,000,000
         */
        readonly bytesPerSec?: number | undefined
      }
    | undefined
}

/** See {@link BandwidthOptions.profile}. */
export type BandwidthProfile = 'auto' | 'metered' | 'unmetered'

/** Options of the document engine, which has none of them yet. Checked, kept, and warned about. */
export interface SyncOptions {
  /** @defaultValue true */
  readonly enableAutoSync?: boolean | undefined
  /** Milliseconds. @defaultValue 10,000 */
  readonly syncIntervalMs?: number | undefined
  /** Another name of {@link syncIntervalMs}. */
  readonly syncInterval?: number | undefined
  /** Operations. @defaultValue 1,000 */
  readonly maxBatchSize?: number | undefined
  /** @defaultValue true */
  readonly enableConflictResolution?: boolean | undefined
  /** Milliseconds. @defaultValue 30,000 */
  readonly syncTimeoutMs?: number | undefined
  /** Another name of {@link syncTimeoutMs}. */
  readonly syncTimeout?: number | undefined
  /** Milliseconds between two rounds in the background. @defaultValue 30,000 */
  readonly backgroundIntervalMs?: number | undefined
  /** Retries of such a round. @defaultValue 3 */
  readonly backgroundRetries?: number | undefined
  /** First pause between retries, in milliseconds; it doubles. @defaultValue 5,000 */
  readonly backgroundBackoffMs?: number | undefined
}

/** {@link DiscoveryOptions}, complete and checked. */
export interface DiscoverySettings {
  readonly enableMdns: boolean
  readonly discoveryIntervalMs: number
  readonly serviceName: string
  readonly serviceType: string
  readonly interface: string | undefined
}

/** {@link P2POptions}, complete and checked. */
export interface P2PSettings {
  readonly app: string
  readonly dataDir: string | undefined
  readonly storage: 'disk' | 'memory'
  readonly database: Ticket | undefined
  readonly transports: readonly (string | TransportFactory)[] | undefined
  readonly enableLibp2p: boolean | undefined
  /** What the caller said about transports; each transport checks it for itself. */
  readonly transportConfig: TransportConfig
  /** The same, complete. */
  readonly transport: TransportSettings
  readonly discovery: DiscoverySettings
  readonly discoveries: readonly Discovery[]
  readonly policy: Policy | undefined
  readonly heartbeatIntervalMs: number | undefined
  readonly willow: boolean
  readonly gossip: boolean
  readonly healthCheckIntervalMs: number
  readonly peers: PeerLists
  /** Who this node has to be. */
  readonly peerId: PeerId | undefined
  readonly enableWebrtc: boolean | undefined
  readonly bandwidth: BandwidthSettings
}

/** {@link BandwidthOptions}, complete and checked. */
export interface BandwidthSettings {
  readonly profile: BandwidthProfile
  /** `undefined`: no limit. */
  readonly bytesPerSecond: number | undefined
  readonly meteredBytesPerSecond: number
}

/**
 * Checks the options once; inside, settings are trusted.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`, whose message names the option, its value
 *   and what was expected; `IdentityError` `ERR_TICKET_INVALID`.
 */
export function parseP2POptions(options: P2POptions = {}): P2PSettings {
  checkTypes(options)
  checkContradictions(options)
  const bootstrapNodes = parseBootstrapNodes(options.bootstrapNodes)
  const settings = complete({ ...options, bootstrapNodes })
  checkObtainable(settings)
  return settings
}

function complete(options: P2POptions): P2PSettings {
  const { heartbeatInterval, heartbeatIntervalMs = heartbeatInterval } = options
  const { healthCheckInterval, healthCheckIntervalMs = healthCheckInterval } = options
  const { nodeId, peerId = nodeId, discovery, database } = options
  const transport = transportConfig(options)
  checkNames(options)
  checkPeerIds(options.peers, peerId)
  inRange('heartbeatIntervalMs', heartbeatIntervalMs, [100, 3_600_000])
  inRange('healthCheckIntervalMs', healthCheckIntervalMs, [1_000, 86_400_000])
  return {
    app: options.app ?? 'vudo',
    dataDir: options.dataDir,
    storage: options.storage ?? 'disk',
    database: database === undefined ? undefined : parseDatabase(database),
    transports: options.transports,
    enableLibp2p: options.enableLibp2p,
    enableWebrtc: options.enableWebrtc,
    transportConfig: transport,
    transport: parseTransportConfig(transport),
    discovery: parseDiscovery(discovery),
    discoveries: options.discoveries ?? [],
    policy: options.policy,
    heartbeatIntervalMs,
    willow: options.willow ?? false,
    gossip: options.gossip ?? false,
    healthCheckIntervalMs: healthCheckIntervalMs ?? 60_000,
    peers: options.peers ?? {},
    peerId,
    bandwidth: parseBandwidth(options),
  }
}

/** Options of {@link TransportConfig}: each transport reads them for itself. */
const transportOptions = [
  'mode',
  'relayUrl',
  'relay',
  'port',
  'bindAddress',
  'dialTimeoutMs',
  'connectionTimeoutMs',
  'timeoutMs',
  'connectionTimeout',
  'maxConnections',
  'maxNewConnectionsPerSecond',
  'bootstrapNodes',
  'encryption',
  'enableEncryption',
  'enableQuic',
  'enableNatTraversal',
  'enableDht',
] as const satisfies readonly (keyof TransportConfig)[]

function transportConfig(options: P2POptions): TransportConfig {
  const given = transportOptions.flatMap((name) =>
    options[name] === undefined ? [] : [[name, options[name]] as const],
  )
  // Two names that have to agree: whichever says no wins.
  const dht = options.discovery?.enableDht === false ? { enableDht: false } : {}
  return { ...Object.fromEntries(given), ...dht }
}

function parseBandwidth({ bandwidthLimitMbps, bandwidth = {} }: P2POptions): BandwidthSettings {
  const { profile = 'auto', metered = {} } = bandwidth
  checkProfile('bandwidth.profile', profile)
  return {
    profile,
    bytesPerSecond:
      bandwidthLimitMbps === undefined ? undefined : bandwidthLimitMbps * BYTES_PER_MEGABIT,
    meteredBytesPerSecond: metered.bytesPerSec ?? 1_000_000,
  }
}

/** 1,000,000 bits. */
const BYTES_PER_MEGABIT = 125_000

function checkPeerIds(peers: PeerLists = {}, peerId: unknown): void {
  for (const [name, list] of Object.entries(peers)) {
    const wrong = Array.isArray(list) ? list.find((one) => !isPeerId(one)) : undefined
    if (wrong !== undefined) throw invalid(`peers.${name}`, wrong, 'peer ids of 64 hex digits')
  }
  if (peerId !== undefined && !isPeerId(peerId)) {
    throw invalid('peerId', peerId, 'a peer id of 64 hex digits')
  }
}

/** How the id of an open database is written, so that no damaged ticket is taken for one. */
const openPrefix = 'open:'

/**
 * A ticket, or `open:` and the id of an open database. Nothing else is guessed: a ticket
 * that lost its beginning would name a public database.
 *
 * @throws `IdentityError` `ERR_TICKET_INVALID`; `TransportError` `ERR_CONFIG_INVALID` for an
 *   id that is empty, too long, no text or a ticket, and for everything else.
 */
export function parseDatabase(given: string): Ticket {
  const text = given.trim()
  if (isTicketLike(text)) return parseTicket(text)
  if (!text.startsWith(openPrefix)) throw invalidDatabase(given, 'a text')
  const databaseId = text.slice(openPrefix.length).trim()
  const bytes = new TextEncoder().encode(databaseId).length
  const isId = databaseId.isWellFormed() && bytes >= 1 && bytes <= MAX_DATABASE_ID_BYTES
  // A ticket after `open:` would tell its secret to everybody who hears of the database.
  if (!isId || isTicketLike(databaseId)) throw invalidDatabase(databaseId, 'an id')
  return { databaseId, secret: undefined, peers: [] }
}

function isTicketLike(text: string): boolean {
  return /^vudo[0-9]/i.test(text)
}

/** Does not quote the text: it may be most of a ticket, which is a secret. */
function invalidDatabase(text: string, what: string): TransportError {
  const bytes = new TextEncoder().encode(text).length
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `database is ${what} of ${bytes} bytes, expected a ticket (one word that begins with vudo1), ` +
      `or open:<id> for a public database (an id of 1 to ${MAX_DATABASE_ID_BYTES} bytes, no ticket)`,
    { hint: 'paste the whole ticket, from the first character to the last' },
  )
}

const discoveryMethods = ['announce', 'withdraw', 'lookup', 'watch', 'close']

function checkNames({
  app,
  dataDir,
  storage,
  bindAddress,
  transports,
  discoveries,
}: P2POptions): void {
  // It becomes the name of a folder, so it must not lead out of the one for all applications.
  if (app !== undefined && !/^[a-z0-9][\w.-]{0,63}$/i.test(app)) {
    const expected = '1 to 64 letters, digits, dots, dashes or underscores, the first no sign'
    throw invalid('app', app, expected)
  }
  if (dataDir !== undefined && (dataDir === '' || dataDir.includes('\0'))) {
    throw invalid('dataDir', dataDir, 'the path of a folder')
  }
  if (storage !== undefined && !['disk', 'memory'].includes(storage)) {
    throw invalid('storage', storage, '"disk" or "memory"')
  }
  if (bindAddress !== undefined && isIP(bindAddress) === 0) {
    throw invalid('bindAddress', bindAddress, 'an IP address')
  }
  if (discoveries?.some((discovery) => !hasMethods(discovery, discoveryMethods))) {
    const expected = `objects with the methods ${discoveryMethods.join(', ')}`
    throw invalid('discoveries', discoveries, expected)
  }
  if (transports?.length === 0) {
    throw invalid('transports', transports, 'at least one; mode "disabled" is the way to have none')
  }
}

function parseDiscovery(discovery: DiscoveryOptions = {}): DiscoverySettings {
  const { peerDiscoveryInterval, discoveryInterval = peerDiscoveryInterval } = discovery
  const { discoveryIntervalMs = discoveryInterval } = discovery
  const settings: DiscoverySettings = {
    enableMdns: discovery.enableMdns ?? true,
    discoveryIntervalMs: discoveryIntervalMs ?? 30_000,
    serviceName: discovery.serviceName ?? 'vudo',
    serviceType: discovery.serviceType ?? '_vudo._tcp',
    interface: discovery.interface,
  }
  const { interface: address, serviceName, serviceType } = settings
  if (address !== undefined && !isIPv4(address)) {
    throw invalid('discovery.interface', address, 'an IPv4 address of this machine')
  }
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/i.test(serviceName)) {
    const expected = '1 to 40 letters, digits and hyphens'
    throw invalid('discovery.serviceName', serviceName, expected)
  }
  // RFC 6763 section 7.
  if (!/^_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._(?:tcp|udp)$/i.test(serviceType)) {
    const expected = 'a DNS service type like "_vudo._tcp", of up to 15 characters'
    throw invalid('discovery.serviceType', serviceType, expected)
  }
  inRange('discovery.discoveryIntervalMs', settings.discoveryIntervalMs, [1_000, 86_400_000])
  return settings
}

function inRange(
  name: string,
  value: number | undefined,
  [least, most]: readonly [number, number],
): void {
  if (value === undefined) return
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw invalid(name, value, `whole milliseconds from ${least} to ${most}`)
}
