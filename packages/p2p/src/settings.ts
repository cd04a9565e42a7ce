/** The options of a node, checked once, with what holds where they say nothing. */
import { isIP, isIPv4 } from 'node:net'
import type { Ticket } from '@vudo/identity'
import type { PeerLists } from '@vudo/network'
import { STORE_KEY_BYTES } from '@vudo/storage'
import type { Policy } from '@vudo/sync'
import {
  isPeerId,
  parseTransportConfig,
  type Discovery,
  type PeerId,
  type TransportConfig,
  type TransportFactory,
  type TransportSettings,
} from '@vudo/transport'
import { checkProfile } from './bandwidth.ts'
import { checkContradictions, checkObtainable } from './contradictions.ts'
import { parseDatabase } from './database-option.ts'
import { checkTypes, hasMethods, invalid } from './option-types.ts'
import type { BandwidthProfile, DiscoveryOptions, P2POptions } from './options.ts'
import { parseBootstrapNodes } from './peer-address.ts'
import { parseWorker, type WorkerSettings } from './worker-option.ts'

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
  /** True: with a key derived from the node's. A key is the program's own buffer. */
  readonly encryptionAtRest: boolean | Uint8Array
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
  readonly syncIntervalMs: number | undefined
  readonly heartbeatIntervalMs: number | undefined
  readonly willow: boolean
  readonly gossip: boolean
  readonly healthCheckIntervalMs: number
  readonly peers: PeerLists
  /** Who this node has to be. */
  readonly peerId: PeerId | undefined
  readonly enableWebrtc: boolean | undefined
  readonly bandwidth: BandwidthSettings
  /** `undefined`: it runs in the thread that makes it. */
  readonly worker: WorkerSettings | undefined
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
    encryptionAtRest: options.encryptionAtRest ?? false,
    database: database === undefined ? undefined : parseDatabase(database),
    transports: options.transports,
    enableLibp2p: options.enableLibp2p,
    enableWebrtc: options.enableWebrtc,
    transportConfig: transport,
    transport: parseTransportConfig(transport),
    discovery: parseDiscovery(discovery),
    discoveries: options.discoveries ?? [],
    policy: options.policy,
    syncIntervalMs: options.sync?.syncIntervalMs ?? options.sync?.syncInterval,
    heartbeatIntervalMs,
    willow: options.willow ?? false,
    gossip: options.gossip ?? false,
    healthCheckIntervalMs: healthCheckIntervalMs ?? 60_000,
    peers: options.peers ?? {},
    peerId,
    bandwidth: parseBandwidth(options),
    worker: parseWorker(options.worker),
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

const discoveryMethods = ['announce', 'withdraw', 'lookup', 'watch', 'close']

function checkNames({
  app,
  dataDir,
  storage,
  encryptionAtRest,
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
  if (encryptionAtRest instanceof Uint8Array && encryptionAtRest.length !== STORE_KEY_BYTES) {
    const expected = `true, false or ${STORE_KEY_BYTES} bytes`
    throw invalid('encryptionAtRest', `${encryptionAtRest.length} bytes`, expected)
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
