import { isIPv4, isIPv6 } from 'node:net'
import { MAX_ADDRESS_CHARACTERS, TransportError, type Address } from '@vudo/transport'

/** Where a TCP peer listens. */
export interface TcpAddress {
  /** An IPv4 or IPv6 address (without brackets), or a host name. */
  readonly host: string
  /** 1 to 65,535. */
  readonly port: number
}

/** Scheme (it may be left out), host or bracketed IPv6 address, port without leading zeros. */
const form = /^(?:tcp:\/\/)?(?:\[([^\]]+)\]|([^:[\]]+)):([1-9][0-9]{0,4})$/

/** One label of a host name (RFC 1123 section 2.1); underscores occur in home networks. */
const label = /^[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?$/

/**
 * Reads `tcp://host:port`, or `host:port`. IPv6 addresses stand in brackets, as in
 * `tcp://[::1]:34569`.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, whose hint shows the form.
 */
export function parseTcpAddress(address: Address): TcpAddress {
  if (typeof address !== 'string' || address.length > MAX_ADDRESS_CHARACTERS) throw invalid(address)
  const [, ipv6, name, portText] = form.exec(address) ?? []
  const host = ipv6 ?? name
  const port = Number(portText)
  const isHost = ipv6 === undefined ? isIPv4OrName(host) : isIPv6(ipv6)
  if (host === undefined || !isHost || !(port <= 65_535)) throw invalid(address)
  return { host, port }
}

/** Writes an address as {@link parseTcpAddress} reads it, with the scheme. */
export function formatTcpAddress({ host, port }: TcpAddress): Address {
  return `tcp://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

function isIPv4OrName(host: string | undefined): boolean {
  if (host === undefined) return false
  if (isIPv4(host)) return true
  const labels = host.split('.')
  // A name whose last label is a number is a mistyped IPv4 address; resolvers read 127.1 as 127.0.0.1.
  return !/^[0-9]+$/.test(labels.at(-1) ?? '') && labels.every((part) => label.test(part))
}

function invalid(address: unknown): TransportError {
  const shown =
    typeof address === 'string'
      ? JSON.stringify(address.slice(0, MAX_ADDRESS_CHARACTERS))
      : typeof address
  return new TransportError('ERR_ADDRESS_INVALID', `${shown} is not an address of tcp`, {
    hint: 'write tcp://host:port, for example tcp://192.168.1.20:34569 or tcp://[::1]:34569',
  })
}
