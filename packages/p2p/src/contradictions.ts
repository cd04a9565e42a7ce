/** Options that are right one by one and cannot be meant together. */
import { registeredTransports, TransportError } from '@vudo/transport'
import { invalid } from './option-types.ts'
import type { P2POptions, P2PSettings } from './options.ts'

/** Several names of one option, the one that counts first; a dot leads into an object. */
const namesOfOne: readonly (readonly string[])[] = [
  ['connectionTimeoutMs', 'timeoutMs', 'connectionTimeout'],
  ['encryption', 'enableEncryption'],
  ['relayUrl', 'relay'],
  ['heartbeatIntervalMs', 'heartbeatInterval'],
  ['healthCheckIntervalMs', 'healthCheckInterval'],
  ['transferTimeoutMs', 'transferTimeout'],
  ['peerId', 'nodeId'],
  ['sync.syncIntervalMs', 'sync.syncInterval'],
  ['sync.syncTimeoutMs', 'sync.syncTimeout'],
  [
    'discovery.discoveryIntervalMs',
    'discovery.peerDiscoveryInterval',
    'discovery.discoveryInterval',
  ],
]

/** Names of transports that no package offers yet: advice to install one would lead nowhere. */
const unoffered: ReadonlySet<string> = new Set(['webrtc'])

/**
 * Refuses options that contradict each other, instead of choosing silently.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`.
 */
export function checkContradictions(options: P2POptions): void {
  if (options.storage === 'memory' && options.dataDir !== undefined) {
    throw invalid('dataDir', options.dataDir, 'none, because storage is "memory"')
  }
  for (const names of namesOfOne) {
    const given = names.filter((name) => valueAt(options, name) !== undefined)
    const [first = ''] = given
    const other = given.find((name) => valueAt(options, name) !== valueAt(options, first))
    if (other === undefined) continue
    const expected = `the value of ${first}, of which it is another name`
    throw invalid(other, valueAt(options, other), expected)
  }
}

/**
 * Refuses a transport that is planned and not registered.
 *
 * @throws `TransportError` `ERR_TRANSPORT_MISSING`.
 */
export function checkObtainable({ transports, transport }: P2PSettings): void {
  const wanted = transports ?? [transport.mode]
  const isKnown = new Set(registeredTransports())
  for (const name of wanted) {
    if (typeof name !== 'string' || !unoffered.has(name) || isKnown.has(name)) continue
    throw new TransportError(
      'ERR_TRANSPORT_MISSING',
      `transport "${name}" is not imported, and no package of this project offers it yet`,
      { hint: 'choose another one: docs/transports.md says which there are' },
    )
  }
}

function valueAt(options: object, name: string): unknown {
  let value: unknown = options
  for (const part of name.split('.')) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined
  }
  return value
}
