import { isIP, isIPv6 } from 'node:net'
import {
  isPeerId,
  MAX_ADDRESS_CHARACTERS,
  TransportError,
  type Address,
  type PeerId,
} from '@vudo/transport'
import { MAX_DIRECT_ADDRESSES, MAX_RELAY_URL_CHARACTERS } from './limits.ts'

/** Who an iroh peer is, and every way to it: the stack tries all of them at once. */
export interface IrohAddress {
  readonly peerId: PeerId
  /** `ip:port` each, IPv6 in brackets; at most `MAX_DIRECT_ADDRESSES`. */
  readonly direct: readonly string[]
  /** The relay at which it waits, as a URL. */
  readonly relay?: string | undefined
}

const prefix = 'iroh://'

/** An IP address, in brackets when it is IPv6, and a port without leading zeros. */
const directForm = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/

/**
 * Reads `iroh://<peer id>?addr=<ip:port>&relay=<url>`. `addr` may come up to
 * `MAX_DIRECT_ADDRESSES` times and `relay` once; both may be missing. Values stand as
 * they are, nothing is percent-encoded.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, whose hint shows the form.
 */
export function parseIrohAddress(address: Address): IrohAddress {
  if (typeof address !== 'string' || address.length > MAX_ADDRESS_CHARACTERS) throw invalid(address)
  if (!address.startsWith(prefix)) throw invalid(address)
  const [peerId = '', query, ...more] = address.slice(prefix.length).split('?')
  if (!isPeerId(peerId) || more.length > 0 || query === '') throw invalid(address)
  const direct: string[] = []
  let relay: string | undefined
  for (const field of query?.split('&') ?? []) {
    const value = field.slice(field.indexOf('=') + 1)
    if (field.startsWith('addr=') && isDirectAddress(value)) direct.push(value)
    else if (field.startsWith('relay=') && relay === undefined && isRelayUrl(value)) relay = value
    else throw invalid(address)
  }
  if (direct.length > MAX_DIRECT_ADDRESSES) throw invalid(address)
  return { peerId, direct, relay }
}

/**
 * Writes an address as {@link parseIrohAddress} reads it: the relay, and as many direct
 * addresses as fit, the first ones first.
 */
export function formatIrohAddress({ peerId, direct, relay }: IrohAddress): Address {
  const relayField = relay === undefined ? [] : [`relay=${relay}`]
  const join = (fields: readonly string[]): Address => {
    const query = [...fields, ...relayField].join('&')
    return query === '' ? prefix + peerId : `${prefix}${peerId}?${query}`
  }
  let fields: string[] = []
  for (const one of direct.slice(0, MAX_DIRECT_ADDRESSES)) {
    const longer = [...fields, `addr=${one}`]
    if (join(longer).length <= MAX_ADDRESS_CHARACTERS) fields = longer
  }
  return join(fields)
}

/** Tells whether `value` is `ip:port`, with an IPv6 address in brackets. */
export function isDirectAddress(value: string): boolean {
  const [, ipv6, ipv4, port] = directForm.exec(value) ?? []
  const isHost = ipv6 === undefined ? isIP(ipv4 ?? '') === 4 : isIPv6(ipv6)
  return isHost && Number(port) <= 65_535
}

/**
 * Tells whether `value` is a relay's URL: `https://`, or `http://` on a trusted network,
 * a host, and nothing that could hide a second field of an address.
 */
export function isRelayUrl(value: string): boolean {
  if (value.length > MAX_RELAY_URL_CHARACTERS || !/^https?:\/\/[!-~]+$/.test(value)) return false
  if (/[?&#@\\]/.test(value) || !URL.canParse(value)) return false
  return new URL(value).hostname !== ''
}

function invalid(address: unknown): TransportError {
  const shown =
    typeof address === 'string'
      ? JSON.stringify(address.slice(0, MAX_ADDRESS_CHARACTERS))
      : typeof address
  return new TransportError('ERR_ADDRESS_INVALID', `${shown} is not an address of iroh`, {
    hint: 'write iroh://<peer id>?addr=<ip:port>&relay=<https url>, with one of the two or both',
  })
}
