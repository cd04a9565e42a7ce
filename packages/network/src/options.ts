import { parseTransportConfig, type Address } from '@vudo/transport'
import type { PeerLists } from './admission.ts'
import { NetworkError } from './errors.ts'
import { UNSHARED_GRACE_MS } from './limits.ts'

/** How a network behaves. Every field may be left out; `undefined` means the default. */
export interface NetworkOptions {
  /**
   * Milliseconds of silence after which a peer is asked for a sign of life; it is
   * lost after three questions without an answer. Lower notices sooner and costs
   * idle traffic. 100 to 3,600,000.
   *
   * @defaultValue 15,000
   */
  readonly heartbeatIntervalMs?: number | undefined
  /**
   * Milliseconds for which a session waits for its peer to come back. Higher
   * survives longer pauses and keeps unsent data longer. 0 to 3,600,000.
   *
   * @defaultValue 60,000
   */
  readonly resumeWindowMs?: number | undefined
  /**
   * Milliseconds for which a session may stand without a shared database. 0 to 3,600,000.
   *
   * @defaultValue 10,000
   */
  readonly unsharedGraceMs?: number | undefined
  /**
   * Sessions at one time; more are refused. 1 to 1,000,000.
   *
   * @defaultValue 100
   */
  readonly maxConnections?: number | undefined
  /**
   * Addresses dialled from the start and again whenever they are not connected.
   *
   * @defaultValue none
   */
  readonly bootstrapNodes?: readonly Address[] | undefined
  /**
   * Milliseconds over all attempts to reach one peer, 1 to 2,147,483,647.
   *
   * @defaultValue 30,000
   */
  readonly connectionTimeoutMs?: number | undefined
  /**
   * Milliseconds between two searches for peers, each with up to a fifth of jitter. 100 to 86,400,000.
   *
   * @defaultValue 30,000
   */
  readonly discoveryIntervalMs?: number | undefined
  /**
   * Peers of one database that are dialled; one that fails gives way to another that is found.
   * Peers that dial us are limited by `maxConnections` only. 1 to 1,000,000.
   *
   * @defaultValue 32
   */
  readonly maxPeersPerDatabase?: number | undefined
  /**
   * Whom to let in, and whom to keep out; `Network.setPeerLists` changes it later.
   *
   * @defaultValue everybody who has a common database
   */
  readonly peers?: PeerLists | undefined
  /**
   * A clock that never goes back, in milliseconds.
   *
   * @defaultValue `performance.now`
   */
  readonly now?: (() => number) | undefined
  /**
   * Milliseconds since 1970, for the lifetime of records.
   *
   * @defaultValue `Date.now`
   */
  readonly wallClock?: (() => number) | undefined
  /**
   * From 0 to below 1, for jitter. Secrets never come from here.
   *
   * @defaultValue `Math.random`
   */
  readonly random?: (() => number) | undefined
}

/** {@link NetworkOptions} with every field filled in and checked. */
export type NetworkSettings = {
  readonly [Field in keyof NetworkOptions]-?: NonNullable<NetworkOptions[Field]>
}

const defaults: NetworkSettings = {
  heartbeatIntervalMs: 15_000,
  resumeWindowMs: 60_000,
  unsharedGraceMs: UNSHARED_GRACE_MS,
  maxConnections: 100,
  bootstrapNodes: [],
  connectionTimeoutMs: 30_000,
  discoveryIntervalMs: 30_000,
  maxPeersPerDatabase: 32,
  peers: {},
  now: () => performance.now(),
  wallClock: () => Date.now(),
  random: () => Math.random(),
}

const ranges = {
  heartbeatIntervalMs: [100, 3_600_000],
  resumeWindowMs: [0, 3_600_000],
  unsharedGraceMs: [0, 3_600_000],
  maxConnections: [1, 1_000_000],
  connectionTimeoutMs: [1, 2_147_483_647],
  discoveryIntervalMs: [100, 86_400_000],
  maxPeersPerDatabase: [1, 1_000_000],
} as const

/**
 * Checks `options` and fills in the defaults.
 *
 * @throws `NetworkError` `ERR_NETWORK_OPTION`; `TransportError` `ERR_CONFIG_INVALID` for the bootstrap nodes.
 */
export function parseNetworkOptions(options: NetworkOptions = {}): NetworkSettings {
  for (const field of Object.keys(options)) {
    if (!(field in defaults)) throw invalid(`option "${field}" does not exist`)
  }
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  )
  const settings: NetworkSettings = { ...defaults, ...given }
  for (const [field, [least, most]] of Object.entries(ranges)) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of `ranges` are fields
    const value = settings[field as keyof typeof ranges]
    if (Number.isInteger(value) && value >= least && value <= most) continue
    throw invalid(`${field} is ${value}, expected a whole number from ${least} to ${most}`)
  }
  parseTransportConfig({ bootstrapNodes: settings.bootstrapNodes })
  return settings
}

function invalid(message: string): NetworkError {
  return new NetworkError('ERR_NETWORK_OPTION', message, {
    hint: `the options are ${Object.keys(defaults).join(', ')}`,
  })
}
