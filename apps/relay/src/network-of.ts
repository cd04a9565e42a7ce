import { isIPv6 } from 'node:net'

/**
 * By what an IP address is counted: IPv4 itself, of IPv6 the first 64 bits, since whoever has
 * one address there has all of its /64. An IPv4 address written as IPv6 counts as IPv4; what
 * is no address counts as it is.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.replace(/%.*/, '').split('::')
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')]
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const network = [...before, ...zeros, ...after].slice(0, 4)
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

function groupsOf(text: string): string[] {
  const groups = text === '' ? [] : text.split(':')
  // The last 32 bits may be written as IPv4.
  return groups.flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]))
}
