import { isPeerId, TransportError, type Address } from '@vudo/transport'
import { hexToBytes } from '@vudo/wire'
import { INSTANCE_BYTES, MAX_HOST_CHARACTERS, MAX_TOKEN_BYTES } from './limits.ts'

/** Where a peer is: a client of a relay. */
export interface RelayAddress {
  /** The relay's host, with the port unless it is 80 or 443. */
  readonly host: string
  /** Key and instance: 96 characters of hex. */
  readonly endpoint: string
}

/** `relay://host[:port]/<peer id>/<instance>`. */
export function formatRelayAddress({ host, endpoint }: RelayAddress): Address {
  return `relay://${host}/${endpoint.slice(0, 64)}/${endpoint.slice(64)}`
}

/** @throws `TransportError` `ERR_ADDRESS_INVALID`. */
export function parseRelayAddress(address: Address): RelayAddress {
  const [, host = '', key = '', instance = ''] =
    /^relay:\/\/([^/?#@\s]+)\/([0-9a-f]{64})\/([0-9a-f]+)$/.exec(address) ?? []
  if (isPeerId(key) && instance.length === 2 * INSTANCE_BYTES) {
    return { host, endpoint: key + instance }
  }
  throw new TransportError(
    'ERR_ADDRESS_INVALID',
    `address is ${JSON.stringify(address.slice(0, 80))}, expected relay://host/<peer id>/<instance>`,
    { hint: 'take it from the other node: it prints its addresses' },
  )
}

/** A relay to use. */
export interface RelayTarget {
  /** What is dialled: without the token. */
  readonly url: URL
  /** As in addresses, and in the proof. */
  readonly host: string
  /** What it wants to see; empty for nothing. */
  readonly token: Uint8Array
}

/**
 * Reads the URL of a relay. Its token, where it has one, is the parameter `token`, which is
 * taken out: what is in a URL ends up in the logs of proxies.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`.
 */
export function parseRelayUrl(text: string, token?: string): RelayTarget {
  if (!URL.canParse(text) || !/^wss?:$/.test(new URL(text).protocol)) throw invalid(text)
  const url = new URL(text)
  const bytes = new TextEncoder().encode(token ?? url.searchParams.get('token') ?? '')
  url.search = ''
  url.hash = ''
  const isFit = url.host.length <= MAX_HOST_CHARACTERS && bytes.length <= MAX_TOKEN_BYTES
  if (!isFit || url.username !== '' || url.password !== '') throw invalid(url.host)
  return { url, host: url.host, token: bytes }
}

function invalid(shown: string): TransportError {
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `relayUrl is ${JSON.stringify(shown.slice(0, 80))}, expected wss://host without user or password`,
    { hint: 'for example wss://relay.example.com; a token goes behind it as ?token=…' },
  )
}

/** An end point as bytes. */
export function endpointToBytes(endpoint: string): Uint8Array {
  return hexToBytes(endpoint)
}
