import { isIPv4 } from 'node:net'
import { MAX_RECORD_ADDRESSES, type Address } from '@vudo/transport'
import { parseLibp2pAddress } from './libp2p-address.ts'
import { MAX_LISTED_ADDRESS_BYTES } from './limits.ts'

const order = ['tcp', 'quic', 'websocket', 'relay', 'dht']

/**
 * What of a node's addresses to tell others, best first: TCP before QUIC before WebSocket
 * before relays, IPv4 before IPv6. Loopback is named only when there is nothing else, and
 * together they fit into a peer record.
 */
export function listedAddresses(addresses: readonly Address[]): Address[] {
  const usable = addresses.filter((address) => !/^\/ip6\/fe[89ab]/i.test(address.slice(9)))
  const relayed = usable.filter(isRelayed)
  const own = usable.filter((address) => !isRelayed(address))
  const outside = own.filter((address) => !isLoopback(address))
  const told = [...(outside.length > 0 ? outside : own), ...relayed]
  const sorted = told.toSorted((a, b) => rank(a) - rank(b))
  let bytes = 0
  return [...new Set(sorted)]
    .filter((address) => (bytes += address.length + 1) <= MAX_LISTED_ADDRESS_BYTES)
    .slice(0, MAX_RECORD_ADDRESSES)
}

function rank(address: Address): number {
  const { medium, host = '' } = parseLibp2pAddress(address)
  return order.indexOf(medium) * 2 + (isIPv4(host) ? 0 : 1)
}

function isRelayed(address: Address): boolean {
  return parseLibp2pAddress(address).medium === 'relay'
}

function isLoopback(address: Address): boolean {
  return /^(?:127\.|::1$)/.test(parseLibp2pAddress(address).host ?? '')
}
