import { isIPv6 } from 'node:net'
import { isPeerId, TransportError, type Address, type PeerId } from '@vudo/transport'
import { MAX_BOOTSTRAP_NODES } from './limits.ts'

/** Where a node of the DHT is. */
export interface BootstrapAddress {
  /** An IPv4 address or a host name. */
  readonly host: string
  /** 1 to 65,535. */
  readonly port: number
}

const scheme = 'hyperswarm://'

/** `hyperswarm://<peer id>`: enough, because peers are found in the DHT by their key. */
export function formatHyperswarmAddress(peerId: PeerId): Address {
  return scheme + peerId
}

/**
 * The peer that an address names.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID` unless it is `hyperswarm://` and 64 characters
 *   of lower-case hex.
 */
export function parseHyperswarmAddress(address: Address): PeerId {
  const peerId = address.startsWith(scheme) ? address.slice(scheme.length) : undefined
  if (isPeerId(peerId)) return peerId
  throw new TransportError(
    'ERR_ADDRESS_INVALID',
    `address is ${JSON.stringify(address)}, expected ${scheme}<peer id>`,
    { hint: 'a peer id is 64 characters of lower-case hex; host:port names a node of the DHT' },
  )
}

/** What the configuration says about whom to begin with. */
export interface BootstrapList {
  /** Nodes of the DHT, at least one. */
  readonly nodes: readonly BootstrapAddress[]
  /** Addresses of peers to dial at the start. */
  readonly peers: readonly Address[]
}

/**
 * Sorts the addresses of this scheme: `hyperswarm://host:port` is a node of the DHT,
 * `hyperswarm://<peer id>` a peer. Addresses of other transports are left to them.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID` when one is neither, when there are more nodes
 *   than `MAX_BOOTSTRAP_NODES`, and when there is none: the library would join the public DHT then.
 */
export function parseBootstrapList(addresses: readonly Address[]): BootstrapList {
  const list = sortBootstrapList(addresses)
  if (list.nodes.length === 0) throw noNodes()
  return list
}

/** As {@link parseBootstrapList}, for a node that may be the first of its DHT. */
export function sortBootstrapList(addresses: readonly Address[]): BootstrapList {
  const own = addresses.filter((address) => address.startsWith(scheme))
  const peers = own.filter((address) => isPeerId(address.slice(scheme.length)))
  const nodes = own.filter((address) => !peers.includes(address)).map(parseNode)
  if (nodes.length > MAX_BOOTSTRAP_NODES) {
    throw new TransportError(
      'ERR_CONFIG_INVALID',
      `bootstrapNodes names ${nodes.length} nodes of the DHT, expected at most ${MAX_BOOTSTRAP_NODES}`,
      { hint: 'three or four are enough: each names all others' },
    )
  }
  return { nodes, peers }
}

function parseNode(address: Address): BootstrapAddress {
  const [, host = '', digits = ''] = /^hyperswarm:\/\/([^:/]+):(\d{1,5})$/.exec(address) ?? []
  const port = Number(digits)
  const isHost = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host) && !isIPv6(host)
  if (isHost && port >= 1 && port <= 65_535 && String(port) === digits) return { host, port }
  throw new TransportError(
    'ERR_CONFIG_INVALID',
    `bootstrapNodes has ${JSON.stringify(address)}, expected ${scheme}host:port or ${scheme}<peer id>`,
    { hint: 'the DHT speaks IPv4: write for example hyperswarm://203.0.113.7:49737' },
  )
}

function noNodes(): TransportError {
  return new TransportError(
    'ERR_CONFIG_INVALID',
    'bootstrapNodes names no node of the DHT, expected hyperswarm://host:port',
    {
      hint: "start one with startBootstrap of '@vudo/transport-hyperswarm/bootstrap' on a machine that others reach, and name it; no public network is anybody's silent default",
    },
  )
}
