/**
 * Finds peers of a topic on the local network by multicast DNS, for every transport.
 *
 * @packageDocumentation
 */
import { createMdnsDiscovery, type MdnsDiscovery } from './mdns-discovery.ts'
import { checkMdnsOptions, type MdnsOptions } from './options.ts'

/**
 * A discovery on the local network. Its socket opens at the first announcement, lookup
 * or watch, and closes with `close`.
 *
 * @throws `RangeError` for an option out of range.
 */
export function mdns(options: MdnsOptions = {}): MdnsDiscovery {
  return createMdnsDiscovery(checkMdnsOptions(options))
}

export { DiscoveryError, isDiscoveryError, type DiscoveryErrorCode } from './errors.ts'
export type { MdnsDiscovery } from './mdns-discovery.ts'
export type { MdnsOptions } from './options.ts'
export type { MdnsStats } from './stats.ts'
