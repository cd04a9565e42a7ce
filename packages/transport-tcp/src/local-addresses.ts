import { networkInterfaces } from 'node:os'
import { MAX_RECORD_ADDRESSES, type Address } from '@vudo/transport'
import { formatTcpAddress } from './tcp-address.ts'

/** One address of this machine, as `node:os` tells it. */
export interface InterfaceAddress {
  readonly address: string
  readonly family: string
  readonly internal: boolean
}

/**
 * Where a listener can be reached: at `host`, or when that means "every interface" at
 * all addresses of this machine, IPv4 first. Loopback is named only when there is
 * nothing else, because for everybody else it is a dead address.
 *
 * @param interfaces - What this machine has; the real one by default.
 */
export function listenerAddresses(
  host: string,
  port: number,
  interfaces: readonly InterfaceAddress[] = localInterfaces(),
): Address[] {
  if (host !== '0.0.0.0' && host !== '::') return [formatTcpAddress({ host, port })]
  const families = host === '::' ? ['IPv4', 'IPv6'] : ['IPv4']
  const usable = families.flatMap((family) =>
    interfaces.filter((one) => one.family === family && !isLinkLocal(one.address)),
  )
  const outside = usable.filter((one) => !one.internal)
  return (outside.length > 0 ? outside : usable)
    .slice(0, MAX_RECORD_ADDRESSES)
    .map((one) => formatTcpAddress({ host: one.address, port }))
}

/** `fe80::/10` means something only together with the name of an interface of the machine that dials. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address)
}

function localInterfaces(): InterfaceAddress[] {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? [])
}
