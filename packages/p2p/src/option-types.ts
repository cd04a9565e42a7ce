/** What kind of value each option takes: checked before anything is read, because JavaScript callers have no compiler. */
import { TransportError } from '@vudo/transport'
import type { DiscoveryOptions, P2POptions } from './options.ts'

type Kind = 'string' | 'number' | 'boolean' | 'function' | 'object' | ListKind
type ListKind = 'list of strings' | 'list of objects' | 'list of strings or functions'

const kinds: Readonly<Record<keyof P2POptions, Kind>> = {
  app: 'string',
  dataDir: 'string',
  storage: 'string',
  database: 'string',
  mode: 'string',
  transports: 'list of strings or functions',
  relayUrl: 'string',
  port: 'number',
  bindAddress: 'string',
  dialTimeoutMs: 'number',
  connectionTimeoutMs: 'number',
  timeoutMs: 'number',
  maxConnections: 'number',
  maxNewConnectionsPerSecond: 'number',
  bootstrapNodes: 'list of strings',
  encryption: 'boolean',
  discovery: 'object',
  discoveries: 'list of objects',
  policy: 'function',
  heartbeatIntervalMs: 'number',
  willow: 'boolean',
}

const discoveryKinds: Readonly<Record<keyof DiscoveryOptions, Kind>> = {
  enableMdns: 'boolean',
  discoveryIntervalMs: 'number',
  peerDiscoveryInterval: 'number',
  serviceName: 'string',
  serviceType: 'string',
  interface: 'string',
}

/**
 * Checks that every option exists and holds the right kind of value.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`.
 */
export function checkTypes(options: unknown): void {
  checkFields('options', options, kinds, '')
  if (isObject(options) && 'discovery' in options && options.discovery !== undefined) {
    checkFields('discovery', options.discovery, discoveryKinds, 'discovery.')
  }
}

/** The error for an option that is wrong. Never quotes an object, which may hold anything. */
export function invalid(field: string, value: unknown, expected: string): TransportError {
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `${field} is ${shown(value)}, expected ${expected}`,
    { hint: `change or leave out ${field}` },
  )
}

/** Tells whether `value` has the members of a contract: what it does not say about them shows when they are called. */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => typeof Reflect.get(value, name) === 'function')
}

function checkFields(
  name: string,
  values: unknown,
  expected: Readonly<Record<string, Kind>>,
  prefix: string,
): void {
  if (!isObject(values) || Array.isArray(values)) throw invalid(name, values, 'an object')
  for (const [field, value] of Object.entries(values)) {
    const kind = Object.hasOwn(expected, field) ? expected[field] : undefined
    if (kind === undefined) throw unknownField(prefix + field, Object.keys(expected))
    if (value === undefined || isOfKind(value, kind)) continue
    throw invalid(prefix + field, value, `a ${kind}`.replace('a object', 'an object'))
  }
}

function unknownField(field: string, known: readonly string[]): TransportError {
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `${shown(field)} is not an option, expected one of ${known.join(', ')}`,
    { hint: 'correct the name, or leave it out' },
  )
}

function isOfKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'list of strings':
      return isListOf(value, (one) => typeof one === 'string')
    case 'list of objects':
      return isListOf(value, isObject)
    case 'list of strings or functions':
      return isListOf(value, (one) => typeof one === 'string' || typeof one === 'function')
    case 'object':
      return isObject(value)
    default:
      return typeof value === kind
  }
}

/** `Array.from` gives holes a value; `every` alone would skip them. */
function isListOf(value: unknown, isElement: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && Array.from(value).every(isElement)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** How a value is named in a message: short, and without calling code of its own. */
function shown(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value)
  }
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
