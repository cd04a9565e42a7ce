/**
 * Every option by its dotted name: what kind of value it takes, what holds when nobody
 * says anything, and in which environment variable it may stand. The one place for all
 * three: options from code, file and environment are checked against it.
 */

/** What kind of value an option takes. */
export type Kind =
  | 'string'
  | 'number'
  | 'boolean'
  | 'boolean or bytes'
  | 'boolean or object'
  | 'function'
  | 'object'
  | ListKind
type ListKind = 'list of strings' | 'list of objects' | 'list of strings or functions'

/** One option. */
export interface OptionRow {
  readonly kind: Kind
  /** As text where it is no plain value. */
  readonly byDefault?: string | number | boolean
  /** Another name of the option named here. */
  readonly aliasOf?: string
  /** Its variable, where that is not `VUDO_` and the name in capitals. */
  readonly env?: string
  /** Least and most, where it is a number and nobody else checks it. */
  readonly range?: readonly [number, number]
  /** True while no part of this version does anything with it: whoever sets it is warned. */
  readonly isIdle?: true
}

const text = (byDefault?: string): OptionRow => ({ kind: 'string', ...maybe(byDefault) })
const number = (byDefault?: number | string): OptionRow => ({
  kind: 'number',
  ...maybe(byDefault),
})
const flag = (byDefault: boolean | string): OptionRow => ({ kind: 'boolean', byDefault })
const group: OptionRow = { kind: 'object' }
const alias = (aliasOf: string, kind: Kind = 'number'): OptionRow => ({ kind, aliasOf })
/** Milliseconds that a timer can wait. */
const ms = (byDefault: number): OptionRow => ({
  ...number(byDefault),
  range: [1, 2_147_483_647],
})
const idle = (row: OptionRow): OptionRow => ({ ...row, isIdle: true })

/** See the file's head. In the order of the documentation. */
export const optionTable: Readonly<Record<string, OptionRow>> = {
  app: text('vudo'),
  dataDir: text("the platform's data directory of app"),
  config: text('config.json in dataDir, where there is one'),
  storage: text('disk'),
  encryptionAtRest: { kind: 'boolean or bytes', byDefault: false },
  database: text('that of dataDir, else a new private one'),
  nodeId: alias('peerId', 'string'),
  peerId: text('that of dataDir, else a new one'),
  cacheDir: idle({ ...text('cache in dataDir'), env: 'VUDO_P2P_CACHE_DIR' }),
  cacheLimitBytes: idle({ ...number(10_000_000_000), range: [0, Number.MAX_SAFE_INTEGER] }),

  mode: text('auto'),
  transports: { kind: 'list of strings or functions', byDefault: 'what mode says' },
  relayUrl: { ...text(), env: 'VUDO_P2P_RELAY' },
  relay: alias('relayUrl', 'string'),
  port: { ...number(34_569), env: 'VUDO_P2P_PORT' },
  bindAddress: text('0.0.0.0'),
  connectionTimeoutMs: number(30_000),
  timeoutMs: alias('connectionTimeoutMs'),
  connectionTimeout: alias('connectionTimeoutMs'),
  dialTimeoutMs: number(10_000),
  encryption: flag(true),
  enableEncryption: alias('encryption', 'boolean'),
  enableQuic: flag(true),
  enableWebrtc: flag('whether it is installed'),
  enableLibp2p: flag('whether it is imported'),
  enableNatTraversal: flag(true),
  enableDht: flag(true),
  bootstrapNodes: { kind: 'list of strings', byDefault: 'none' },
  maxConnections: number(100),
  maxNewConnectionsPerSecond: number(5),
  heartbeatIntervalMs: number(15_000),
  heartbeatInterval: alias('heartbeatIntervalMs'),
  willow: flag(false),
  gossip: flag(false),
  healthCheckIntervalMs: { ...number(60_000), range: [1_000, 86_400_000] },
  healthCheckInterval: alias('healthCheckIntervalMs'),
  maxRetryAttempts: idle({ ...number(3), range: [0, 1_000] }),
  peers: group,
  'peers.allow': { kind: 'list of strings', byDefault: 'everybody' },
  'peers.block': { kind: 'list of strings', byDefault: 'nobody' },

  discovery: group,
  'discovery.enableMdns': flag(true),
  'discovery.enableDht': flag(true),
  'discovery.discoveryIntervalMs': number(30_000),
  'discovery.peerDiscoveryInterval': alias('discovery.discoveryIntervalMs'),
  'discovery.discoveryInterval': alias('discovery.discoveryIntervalMs'),
  'discovery.serviceName': text('vudo'),
  'discovery.serviceType': text('_vudo._tcp'),
  'discovery.interface': { ...text('all'), env: 'VUDO_P2P_MDNS_INTERFACE' },
  discoveries: { kind: 'list of objects', byDefault: 'none' },

  bandwidthLimitMbps: { ...number('none'), range: [0.001, 1_000_000] },
  bandwidth: group,
  'bandwidth.profile': text('auto'),
  'bandwidth.metered': group,
  'bandwidth.metered.bytesPerSec': { ...number(1_000_000), range: [1, 1e12] },

  worker: { kind: 'boolean or object', byDefault: false },

  sync: group,
  'sync.enableAutoSync': idle(flag(true)),
  'sync.syncIntervalMs': ms(10_000),
  'sync.syncInterval': alias('sync.syncIntervalMs'),
  'sync.maxBatchSize': idle({ ...number(1_000), range: [1, 1_000_000] }),
  'sync.enableConflictResolution': idle(flag(true)),
  'sync.syncTimeoutMs': idle(ms(30_000)),
  'sync.syncTimeout': alias('sync.syncTimeoutMs'),
  'sync.backgroundIntervalMs': idle(ms(30_000)),
  'sync.backgroundRetries': idle({ ...number(3), range: [0, 1_000] }),
  'sync.backgroundBackoffMs': idle(ms(5_000)),
  url: idle(text('')),
  policy: { kind: 'function', byDefault: 'every member may do everything' },

  maxConcurrentTransfers: idle({ ...number(3), range: [1, 1_000] }),
  transferTimeoutMs: idle(ms(300_000)),
  transferTimeout: alias('transferTimeoutMs'),
  metrics: group,
  'metrics.port': idle({ ...number('none'), range: [0, 65_535] }),
}

/** The variable of an option, `undefined` where text cannot say it: functions, objects, other names. */
export function variableOf(name: string): string | undefined {
  const row = optionTable[name]
  if (row === undefined || row.aliasOf !== undefined) return undefined
  if (['function', 'object', 'list of objects'].includes(row.kind)) return undefined
  return row.env ?? `VUDO_${capitals(name)}`
}

/**
 * The variables of all options, by every name that somebody may expect: the true one, what the
 * general rule makes of the option or of another name of it, and each with `P2P` in it.
 */
export function variablesByLikelyName(): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const [name, { aliasOf }] of Object.entries(optionTable)) {
    const variable = variableOf(aliasOf ?? name)
    if (variable === undefined) continue
    for (const prefix of ['VUDO_', 'VUDO_P2P_']) variables.set(prefix + capitals(name), variable)
  }
  for (const variable of new Set(variables.values())) variables.set(variable, variable)
  return variables
}

function capitals(name: string): string {
  const words = name.replaceAll('.', '_').replaceAll(/([a-z])([A-Z])/g, '$1_$2')
  return words.toUpperCase()
}

function maybe<Value>(byDefault: Value | undefined): { byDefault?: Value } {
  return byDefault === undefined ? {} : { byDefault }
}
