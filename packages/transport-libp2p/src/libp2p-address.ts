import { isIPv4, isIPv6 } from 'node:net'
import { isPeerId, MAX_ADDRESS_CHARACTERS, TransportError, type Address } from '@vudo/transport'

/** What an address says, taken apart. */
export interface Libp2pAddress {
  /** The multiaddr, without `libp2p://`. Empty for the address of a peer that the DHT has to find. */
  readonly multiaddr: string
  /** The libp2p peer id at its end, where it names one: text in base58 or base32. */
  readonly libp2pId?: string | undefined
  /** The peer id of `libp2p://<peer id>`: whoever dials it asks the DHT. */
  readonly peerId?: string | undefined
  /** Which way it takes. */
  readonly medium: 'tcp' | 'quic' | 'websocket' | 'relay' | 'dht'
  /** IP address or name of the first machine on the way; absent for `dht`. */
  readonly host?: string | undefined
}

const scheme = 'libp2p://'

/** One label of a host name (RFC 1123 section 2.1); underscores occur in home networks. */
const hostName =
  /^(?=.{1,253}$)[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?(?:\.[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*$/

/** Base58 (`Qm…`, `12D3Koo…`, `16Uiu2…`) or a CID in base32 or base36. */
const libp2pIdForm = /^(?:[1-9A-HJ-NP-Za-km-z]{46,52}|[bk][a-z0-9]{50,70})$/

const hosts: Readonly<Record<string, (value: string) => boolean>> = {
  ip4: isIPv4,
  ip6: (value) => isIPv6(value) && !value.includes('%'),
  dns: (value) => hostName.test(value),
  dns4: (value) => hostName.test(value),
  dns6: (value) => hostName.test(value),
}

/** What may follow host and port, and what it means. */
const media: readonly (readonly [RegExp, Libp2pAddress['medium']])[] = [
  [/^tcp$/, 'tcp'],
  [/^udp quic-v1$/, 'quic'],
  [/^tcp (?:tls )?ws$/, 'websocket'],
  [/^tcp wss$/, 'websocket'],
]

/**
 * Reads `libp2p://` followed by a multiaddr, or by a peer id.
 *
 * Taken are TCP, WebSocket and QUIC on an IP address or a name, with `/p2p/…` of the far
 * end or without, and the same through a relay: `/p2p/<relay>/p2p-circuit/p2p/<far end>`.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, whose hint shows the form.
 */
export function parseLibp2pAddress(address: Address): Libp2pAddress {
  if (typeof address !== 'string' || address.length > MAX_ADDRESS_CHARACTERS) throw invalid(address)
  if (!address.startsWith(scheme)) throw invalid(address)
  const text = address.slice(scheme.length)
  if (isPeerId(text)) return { multiaddr: '', peerId: text, medium: 'dht' }
  const parsed = parseMultiaddr(text)
  if (!parsed) throw invalid(address)
  return parsed
}

/** Writes a multiaddr as an address. */
export function formatLibp2pAddress(multiaddr: { toString(): string }): Address {
  return scheme + multiaddr.toString()
}

function parseMultiaddr(text: string): Libp2pAddress | undefined {
  const [empty, hostKind = '', host = '', portKind = '', port = '', ...rest] = text.split('/')
  if (empty !== '' || !Object.hasOwn(hosts, hostKind) || !hosts[hostKind]?.(host)) return undefined
  if (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65_535) return undefined
  const end = rest.indexOf('p2p')
  const suite = [portKind, ...(end === -1 ? rest : rest.slice(0, end))].join(' ')
  const medium = media.find(([form]) => form.test(suite))?.[1]
  const tail = end === -1 ? [] : rest.slice(end)
  return medium && withTail({ multiaddr: text, medium, host }, tail)
}

/** What stands behind host, port and medium: nothing, a far end, or a relay with a far end or without. */
function withTail(start: Libp2pAddress, tail: readonly string[]): Libp2pAddress | undefined {
  const [p2p, first, circuit, again, last] = tail
  if (p2p === undefined) return start
  if (first === undefined || !libp2pIdForm.test(first)) return undefined
  if (tail.length === 2) return { ...start, libp2pId: first }
  const isWhole = tail.length === 5 && circuit === 'p2p-circuit' && again === 'p2p'
  if (!isWhole || last === undefined || !libp2pIdForm.test(last)) return undefined
  return { ...start, medium: 'relay', libp2pId: last }
}

function invalid(address: unknown): TransportError {
  const shown =
    typeof address === 'string'
      ? JSON.stringify(address.slice(0, MAX_ADDRESS_CHARACTERS))
      : typeof address
  return new TransportError('ERR_ADDRESS_INVALID', `${shown} is not an address of libp2p`, {
    hint: 'write libp2p:// and a multiaddr, for example libp2p:///ip4/192.168.1.20/tcp/34569 (three slashes), or a peer id of 64 hex digits',
  })
}
