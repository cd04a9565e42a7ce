import { TransportError } from './errors.ts'
import { isPeerId, type Address } from './peer.ts'

/** Which transport, and how it behaves. Every field may be left out; `undefined` means the default. */
export interface TransportConfig {
  /**
   * The transport's name, or `auto` for the first imported one of {@link transportOrder}.
   *
   * @defaultValue `'auto'`
   */
  readonly mode?: string | undefined
  /**
   * `wss://…` of a relay; `relay` mode cannot do without.
   *
   * @defaultValue none: no public server is anybody's silent default.
   */
  readonly relayUrl?: string | undefined
  /** Another name of {@link relayUrl}. */
  readonly relay?: string | undefined
  /**
   * Port to accept connections on; 0 takes any free one. A port that is named here and
   * taken is an error.
   *
   * @defaultValue 34569, or any free one where that is taken
   */
  readonly port?: number | undefined
  /**
   * IP address to accept connections on. `127.0.0.1` keeps to this machine.
   *
   * @defaultValue `'0.0.0.0'`: all IPv4 interfaces.
   */
  readonly bindAddress?: string | undefined
  /**
   * Milliseconds one transport may take to reach a peer. Higher reaches slow peers, lower tries the next address sooner.
   *
   * @defaultValue 10,000
   */
  readonly dialTimeoutMs?: number | undefined
  /**
   * Milliseconds over all attempts to reach one peer. `timeoutMs` is its older name.
   *
   * @defaultValue 30,000
   */
  readonly connectionTimeoutMs?: number | undefined
  /** Another name of {@link connectionTimeoutMs}. */
  readonly timeoutMs?: number | undefined
  /** Another name of {@link connectionTimeoutMs}. */
  readonly connectionTimeout?: number | undefined
  /**
   * Connections of this node at one time, both directions; more are refused.
   *
   * @defaultValue 100
   */
  readonly maxConnections?: number | undefined
  /**
   * New connections that one IP address may open per second; more are refused. Peers behind
   * one router share an address.
   *
   * @defaultValue 5
   */
  readonly maxNewConnectionsPerSecond?: number | undefined
  /**
   * Addresses dialled at the start, before anything is discovered.
   *
   * @defaultValue none
   */
  readonly bootstrapNodes?: readonly Address[] | undefined
  /**
   * False leaves out the end-to-end layer on transports whose medium proves the
   * peer's key by itself; everywhere else it is refused. Transport encryption
   * cannot be switched off.
   *
   * @defaultValue true
   */
  readonly encryption?: boolean | undefined
  /** Another name of {@link encryption}. */
  readonly enableEncryption?: boolean | undefined
  /**
   * False keeps transports that can carry QUIC from doing so.
   *
   * @defaultValue true: where its native part is installed.
   */
  readonly enableQuic?: boolean | undefined
  /**
   * False keeps transports from mapping ports, punching holes and asking others for their outside address.
   *
   * @defaultValue true
   */
  readonly enableNatTraversal?: boolean | undefined
  /**
   * False keeps transports that have a distributed hash table from using it. Without
   * `bootstrapNodes` none is used anyway.
   *
   * @defaultValue true
   */
  readonly enableDht?: boolean | undefined
}

/** A {@link TransportConfig} with every field filled in and checked. */
export interface TransportSettings {
  readonly mode: string
  readonly relayUrl: string | undefined
  readonly port: number
  /** True when the configuration named the port: then another one will not do. */
  readonly isPortChosen: boolean
  readonly bindAddress: string
  readonly dialTimeoutMs: number
  readonly connectionTimeoutMs: number
  readonly maxConnections: number
  readonly maxNewConnectionsPerSecond: number
  readonly bootstrapNodes: readonly Address[]
  readonly encryption: boolean
  readonly enableQuic: boolean
  readonly enableNatTraversal: boolean
  readonly enableDht: boolean
}

const defaults: TransportSettings = {
  mode: 'auto',
  relayUrl: undefined,
  port: 34_569,
  isPortChosen: false,
  bindAddress: '0.0.0.0',
  dialTimeoutMs: 10_000,
  connectionTimeoutMs: 30_000,
  maxConnections: 100,
  maxNewConnectionsPerSecond: 5,
  bootstrapNodes: [],
  encryption: true,
  enableQuic: true,
  enableNatTraversal: true,
  enableDht: true,
}

/** Other names of options, and the option that each means. A name of ours that is given as well wins. */
const aliases: Readonly<Record<string, keyof TransportSettings>> = {
  timeoutMs: 'connectionTimeoutMs',
  connectionTimeout: 'connectionTimeoutMs',
  relay: 'relayUrl',
  enableEncryption: 'encryption',
}

/** The fields of a {@link TransportConfig}. */
const options = [
  ...Object.keys(defaults).filter((field) => field !== 'isPortChosen'),
  ...Object.keys(aliases),
]

/** Longest duration that a timer can wait: 2^31 − 1 milliseconds, 24.8 days. */
const maxTimerMs = 2_147_483_647

/**
 * Checks `config` and fills in the defaults. Done once, at the boundary; inside, settings are trusted.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`, whose message names the field, its value and what was expected.
 */
export function parseTransportConfig(config: TransportConfig = {}): TransportSettings {
  for (const field of Object.keys(config)) {
    if (!options.includes(field)) {
      throw invalid(field, 'a known option', field, `one of ${options.join(', ')}`)
    }
  }
  const given = Object.entries(config).filter(([, value]) => value !== undefined)
  const settings: TransportSettings = {
    ...defaults,
    ...Object.fromEntries(given.flatMap(([name, value]) => renamed(name, value))),
    ...Object.fromEntries(given.filter(([name]) => aliases[name] === undefined)),
    isPortChosen: config.port !== undefined,
  }
  checkNumbers(settings)
  checkTexts(settings)
  checkRelay(settings)
  return settings
}

function renamed(name: string, value: unknown): [string, unknown][] {
  const option = aliases[name]
  return option === undefined ? [] : [[option, value]]
}

function checkNumbers(settings: TransportSettings): void {
  integer(settings, 'port', { least: 0, most: 65_535 }, 'use 0 to take any free port')
  integer(
    settings,
    'dialTimeoutMs',
    { least: 1, most: maxTimerMs },
    'give milliseconds, for example 10000',
  )
  integer(
    settings,
    'connectionTimeoutMs',
    { least: 1, most: maxTimerMs },
    'give milliseconds, for example 30000',
  )
  integer(
    settings,
    'maxConnections',
    { least: 1, most: 1_000_000 },
    'use mode "disabled" to allow none',
  )
  integer(
    settings,
    'maxNewConnectionsPerSecond',
    { least: 1, most: 1_000_000 },
    'raise it where many peers share one address',
  )
}

function integer(
  settings: TransportSettings,
  field:
    | 'port'
    | 'dialTimeoutMs'
    | 'connectionTimeoutMs'
    | 'maxConnections'
    | 'maxNewConnectionsPerSecond',
  range: { readonly least: number; readonly most: number },
  hint: string,
): void {
  const value: unknown = settings[field]
  if (Number.isInteger(value) && Number(value) >= range.least && Number(value) <= range.most) return
  throw invalid(field, `a whole number from ${range.least} to ${range.most}`, value, hint)
}

function checkTexts(settings: TransportSettings): void {
  if (typeof settings.mode !== 'string' || !/^[a-z][a-z0-9-]*$/.test(settings.mode)) {
    throw invalid(
      'mode',
      'a transport name in lower case',
      settings.mode,
      `use "auto", or one of ${transportOrder.join(', ')}, disabled`,
    )
  }
  if (
    typeof settings.bindAddress !== 'string' ||
    !/^[0-9a-fA-F.:%a-z]+$/.test(settings.bindAddress)
  ) {
    throw invalid(
      'bindAddress',
      'an IP address',
      settings.bindAddress,
      'use 127.0.0.1 for this machine only, 0.0.0.0 for all interfaces',
    )
  }
  for (const field of ['encryption', 'enableQuic', 'enableNatTraversal', 'enableDht'] as const) {
    const value: unknown = settings[field]
    if (typeof value === 'boolean') continue
    throw invalid(field, 'true or false', value, 'leave it out: true is the default')
  }
  const nodes: unknown = settings.bootstrapNodes
  if (!Array.isArray(nodes) || !nodes.every(isAddress)) {
    throw invalid(
      'bootstrapNodes',
      'a list of addresses',
      nodes,
      'write each as scheme://host:port, for example tcp://192.168.1.20:34569',
    )
  }
}

function checkRelay({ mode, relayUrl, encryption }: TransportSettings): void {
  if (
    relayUrl !== undefined &&
    !(URL.canParse(relayUrl) && /^wss?:$/.test(new URL(relayUrl).protocol))
  ) {
    throw invalid(
      'relayUrl',
      'a URL that begins with wss:// (or ws:// on a trusted network)',
      relayUrl,
      'for example wss://relay.example.com',
    )
  }
  if (mode === 'relay' && relayUrl === undefined) {
    throw invalid(
      'relayUrl',
      'a URL, because mode is "relay"',
      undefined,
      'name your relay, for example relayUrl: "wss://relay.example.com"',
    )
  }
  if (!encryption && (mode === 'relay' || mode === 'webrtc' || mode === 'memory')) {
    throw invalid(
      'encryption',
      `true, because ${mode} does not prove the peer's key by itself`,
      false,
      'leave it out',
    )
  }
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && (isPeerId(value) || /^[a-z][a-z0-9+.-]*:\/\/.+/.test(value))
}

function invalid(field: string, expected: string, value: unknown, hint: string): TransportError {
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `${field} is ${described(value)}, expected ${expected}`,
    {
      hint,
    },
  )
}

/** A value as an error may show it: whatever it is, this does not throw, and is short. */
function described(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 200))
  if (Array.isArray(value)) {
    const isText = value.every((item) => typeof item === 'string')
    return isText ? value.join(', ').slice(0, 200) : 'a list'
  }
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/**
 * Which transport `auto` prefers: the built-in one that costs least first, then
 * those that reach further. Only imported transports take part that can work with
 * the settings: see `usableTransports`.
 */
export const transportOrder: readonly string[] = [
  'tcp',
  'libp2p',
  'iroh',
  'hyperswarm',
  'webrtc',
  'relay',
]
