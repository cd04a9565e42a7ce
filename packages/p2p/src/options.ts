import { parseTicket, type Ticket } from '@vudo/identity'
import type { Policy } from '@vudo/sync'
import {
  parseTransportConfig,
  TransportError,
  type Discovery,
  type TransportConfig,
  type TransportFactory,
  type TransportSettings,
} from '@vudo/transport'

/** How peers on the local network are found. */
export interface DiscoveryOptions {
  /**
   * Whether to use multicast DNS.
   *
   * @defaultValue true
   */
  readonly enableMdns?: boolean | undefined
  /**
   * Milliseconds between two searches. Higher costs less idle traffic and finds later.
   *
   * @defaultValue 30,000
   */
  readonly discoveryIntervalMs?: number | undefined
  /**
   * Name under which this product announces itself.
   *
   * @defaultValue `'vudo'`
   */
  readonly serviceName?: string | undefined
  /**
   * DNS service type.
   *
   * @defaultValue `'_vudo._tcp'`
   */
  readonly serviceType?: string | undefined
  /**
   * IP address of the one interface to use; `127.0.0.1` keeps to this machine.
   *
   * @defaultValue all interfaces
   */
  readonly interface?: string | undefined
}

/** Everything that `createP2P` can be told. All of it may be left out. */
export interface P2POptions extends TransportConfig {
  /**
   * Name of the application; decides the default data directory.
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
   * What to take part in: a ticket, or the id of an open (public) database.
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
   * Milliseconds of silence after which a peer is asked for a sign of life.
   *
   * @defaultValue 15,000
   */
  readonly heartbeatIntervalMs?: number | undefined
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
  readonly discovery: Required<Omit<DiscoveryOptions, 'interface'>> & {
    readonly interface: string | undefined
  }
  readonly discoveries: readonly Discovery[]
  readonly policy: Policy | undefined
  readonly heartbeatIntervalMs: number | undefined
}

/**
 * Checks the options once; inside, settings are trusted.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`, `IdentityError` `ERR_TICKET_INVALID`.
 */
export function parseP2POptions(options: P2POptions = {}): P2PSettings {
  const { app, dataDir, storage, database, transports, discovery, discoveries, policy, ...rest } =
    options
  const { heartbeatIntervalMs, ...transport } = rest
  checkNames(options)
  return {
    app: app ?? 'vudo',
    dataDir,
    storage: storage ?? 'disk',
    database: database === undefined ? undefined : parseDatabase(database),
    transports,
    transportConfig: transport,
    transport: parseTransportConfig(transport),
    discovery: {
      enableMdns: discovery?.enableMdns ?? true,
      discoveryIntervalMs: discovery?.discoveryIntervalMs ?? 30_000,
      serviceName: discovery?.serviceName ?? 'vudo',
      serviceType: discovery?.serviceType ?? '_vudo._tcp',
      interface: discovery?.interface,
    },
    discoveries: discoveries ?? [],
    policy,
    heartbeatIntervalMs,
  }
}

/**
 * A ticket, or the id of an open database: whatever does not begin like a ticket is an id.
 *
 * @throws `IdentityError` `ERR_TICKET_INVALID`; `TransportError` `ERR_CONFIG_INVALID` for an empty id.
 */
export function parseDatabase(text: string): Ticket {
  if (/^\s*vudo1/i.test(text)) return parseTicket(text)
  if (text.trim() === '' || text.length > 256) {
    throw invalid('database', text, 'a ticket, or the id of an open database (1 to 256 characters)')
  }
  return { databaseId: text.trim(), secret: undefined, peers: [] }
}

function checkNames({ app, storage, heartbeatIntervalMs, discovery }: P2POptions): void {
  if (app !== undefined && !/^[\w.-]{1,64}$/.test(app)) {
    throw invalid('app', app, '1 to 64 letters, digits, dots, dashes or underscores')
  }
  if (storage !== undefined && storage !== 'disk' && storage !== 'memory') {
    throw invalid('storage', storage, '"disk" or "memory"')
  }
  for (const [name, value] of Object.entries({
    heartbeatIntervalMs,
    'discovery.discoveryIntervalMs': discovery?.discoveryIntervalMs,
  })) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 100 && value < 2 ** 31)) {
      throw invalid(name, value, 'milliseconds, at least 100')
    }
  }
}

function invalid(field: string, value: unknown, expected: string): TransportError {
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `${field} is ${JSON.stringify(value)}, expected ${expected}`,
    { hint: `change or leave out ${field}` },
  )
}
