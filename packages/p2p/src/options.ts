import { isIP, isIPv4 } from 'node:net'
import { MAX_DATABASE_ID_BYTES, parseTicket, type Ticket } from '@vudo/identity'
import type { Policy } from '@vudo/sync'
import {
  parseTransportConfig,
  TransportError,
  type Discovery,
  type TransportConfig,
  type TransportFactory,
  type TransportSettings,
} from '@vudo/transport'
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
   * Transports by name (imported ones) or factory, instead of `mode`.
   *
   * @defaultValue what `mode` says; `auto` is TCP on Node
   */
  readonly transports?: readonly (string | TransportFactory)[] | undefined
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
  /**
   * Whether to open Willow as well: entries with rights that can be granted, and erasure that
   * others follow, in `p2p.willow()`. Needs the package `@vudo/willow`.
   *
   * @defaultValue false
   */
  readonly willow?: boolean | undefined
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
  /** What the caller said about transports; each transport checks it for itself. */
  readonly transportConfig: TransportConfig
  /** The same, complete. */
  readonly transport: TransportSettings
  readonly discovery: DiscoverySettings
  readonly discoveries: readonly Discovery[]
  readonly policy: Policy | undefined
  readonly heartbeatIntervalMs: number | undefined
  readonly willow: boolean
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
  const { app, dataDir, storage, database, transports, discovery, discoveries, policy, ...rest } =
    options
  const { heartbeatIntervalMs, willow = false, ...transport } = rest
  checkNames(options)
  inRange('heartbeatIntervalMs', heartbeatIntervalMs, [100, 3_600_000])
  return {
    app: app ?? 'vudo',
    dataDir,
    storage: storage ?? 'disk',
    database: database === undefined ? undefined : parseDatabase(database),
    transports,
    transportConfig: transport,
    transport: parseTransportConfig(transport),
    discovery: parseDiscovery(discovery),
    discoveries: discoveries ?? [],
    policy,
    heartbeatIntervalMs,
    willow,
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
  const { peerDiscoveryInterval, discoveryIntervalMs = peerDiscoveryInterval } = discovery
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
