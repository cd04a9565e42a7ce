import {
  parseTransportConfig,
  transportOrder,
  type TransportConfig,
  type TransportSettings,
} from './config.ts'
import { TransportError } from './errors.ts'
import { isPeerId, type Address } from './peer.ts'
import type { Transport, TransportContext, TransportFactory } from './transport.ts'

/**
 * Transports by name. One table for the whole program, under a global symbol, so
 * that a transport that was imported joins whichever copy of this package asks.
 */
const registryKey = Symbol.for('@vudo/transport/registry/1')

function registry(): Map<string, TransportFactory> {
  const holder = globalThis as typeof globalThis & { [registryKey]?: Map<string, TransportFactory> }
  return (holder[registryKey] ??= new Map())
}

/**
 * Makes a transport available under `name`. A transport package calls it when it is
 * imported, so `import '@vudo/transport-tcp'` is all that `createTransport` needs.
 * A later call under the same name replaces the earlier one.
 */
export function registerTransport(name: string, factory: TransportFactory): void {
  registry().set(name, factory)
}

/** The names that have been registered, in the order of preference of `auto`. */
export function registeredTransports(): string[] {
  return [...registry().keys()].toSorted((a, b) => rank(a) - rank(b))
}

function rank(name: string): number {
  const at = transportOrder.indexOf(name)
  return at === -1 ? transportOrder.length : at
}

/**
 * Makes the transport that `config` asks for.
 *
 * @param config - Checked here; the transport sees complete settings.
 * @param context - This node's identity, without the settings, which come from `config`.
 * @throws `TransportError` `ERR_CONFIG_INVALID`, or `ERR_TRANSPORT_MISSING` whose
 *   hint is the line that installs the package.
 */
export function createTransport(
  config: TransportConfig,
  context: Omit<TransportContext, 'settings'>,
): Transport {
  const settings = parseTransportConfig(config)
  return factoryFor(settings)({ ...context, settings })
}

/**
 * What `auto` stands for: the imported transports of {@link transportOrder} that can
 * work with these settings, best first. A transport that refuses the settings when it is
 * named is left out here. A name outside the order is taken only when asked for.
 */
export function usableTransports(settings: TransportSettings): string[] {
  return transportOrder.filter((name) => registry().has(name) && (needs[name]?.(settings) ?? true))
}

/** What some transports cannot do without. */
const needs: Readonly<Record<string, (settings: TransportSettings) => boolean>> = {
  iroh: ({ enableQuic, enableNatTraversal }) => enableQuic && enableNatTraversal,
  hyperswarm: ({ enableDht, bindAddress, bootstrapNodes }) =>
    enableDht && !bindAddress.includes(':') && bootstrapNodes.some(isHyperswarmNode),
  relay: ({ relayUrl }) => relayUrl !== undefined,
}

/** Tells a node of its DHT from a peer of it, and from what belongs to other transports. */
function isHyperswarmNode(address: Address): boolean {
  const scheme = 'hyperswarm://'
  return address.startsWith(scheme) && !isPeerId(address.slice(scheme.length))
}

function factoryFor(settings: TransportSettings): TransportFactory {
  const name = settings.mode === 'auto' ? usableTransports(settings)[0] : settings.mode
  const factory = name === undefined ? undefined : registry().get(name)
  if (factory) return factory
  const missing = name ?? 'tcp'
  throw new TransportError(
    'ERR_TRANSPORT_MISSING',
    name === undefined ? 'no transport is imported' : `transport "${name}" is not imported`,
    { hint: `npm i @vudo/transport-${missing} and import '@vudo/transport-${missing}'` },
  )
}
