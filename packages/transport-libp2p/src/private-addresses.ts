import { BlockList, isIP } from 'node:net'
import type { Address } from '@vudo/transport'
import { parseLibp2pAddress } from './libp2p-address.ts'

/** Loopback, link-local and private networks (RFC 1918, RFC 4193, RFC 6598), and "this machine" (RFC 1122). */
const nearby = new BlockList()
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  nearby.addSubnet(net, prefix, 'ipv4')
}
nearby.addSubnet('::', 127, 'ipv6')
nearby.addSubnet('fc00::', 7, 'ipv6')
nearby.addSubnet('fe80::', 10, 'ipv6')

/** Whether an IP address means something only near here, however it is written. A name may be anywhere. */
export function isPrivateHost(host: string): boolean {
  const version = isIP(host)
  return version !== 0 && nearby.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

/** Whether the first machine on the way to an address can be reached only from near here. */
export function isPrivateAddress(address: Address): boolean {
  return isPrivateHost(parseLibp2pAddress(address).host ?? '')
}
