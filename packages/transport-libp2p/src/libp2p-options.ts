import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { TransportError, type Address, type TransportSettings } from '@vudo/transport'
import { parseLibp2pAddress } from './libp2p-address.ts'
import { isPrivateAddress, isPrivateHost } from './private-addresses.ts'

/**
 * What `libp2p` takes. Port, address, limits and bootstrap nodes are transport settings, and so
 * are `enableQuic`, `enableDht` and `enableNatTraversal`: false there is stronger than true here.
 */
export interface Libp2pOptions {
  /**
   * What to tell others instead of the addresses of this machine, for example behind a
   * router that forwards a port: `['libp2p:///ip4/203.0.113.7/tcp/34569']`.
   *
   * @defaultValue the addresses at which it listens.
   */
  readonly announceAddresses?: readonly Address[] | undefined
  /**
   * Also listens by QUIC, on the UDP port of the same number where `port` names one, else on any
   * free one, and dials by it. Where its binary is missing, a warning says so once and everything
   * else goes on.
   *
   * @defaultValue true
   */
  readonly enableQuic?: boolean | undefined
  /**
   * Also listens by WebSocket, which browsers reach. Dialling by it is always possible.
   *
   * @defaultValue false
   */
  readonly enableWebSocket?: boolean | undefined
  /**
   * TCP port of the WebSocket listener; 0 takes any free one.
   *
   * @defaultValue 0
   */
  readonly webSocketPort?: number | undefined
  /**
   * Takes part in the DHT, which finds peers by topic.
   *
   * @defaultValue true when `bootstrapNodes` names a node of libp2p. The first node of a
   *   DHT has nobody to name and says true.
   */
  readonly enableDht?: boolean | undefined
  /**
   * Protocol name of the DHT. Nodes with different names never meet: a network of its own.
   *
   * @defaultValue `'/vudo/kad/1.0.0'`
   */
  readonly dhtProtocol?: string | undefined
  /**
   * Finds nodes on the local network by mDNS, on every interface: it cannot be kept to
   * loopback. `@vudo/discovery-mdns` finds for every transport and by topic; use one of them.
   *
   * @defaultValue false
   */
  readonly enableMdns?: boolean | undefined
  /**
   * DNS service name under which mDNS looks: programs with another one are not met.
   *
   * @defaultValue `'_vudo-libp2p._udp.local'`
   */
  readonly mdnsServiceTag?: string | undefined
  /**
   * Relays at which to reserve a place, so that nodes that cannot reach this one come
   * through them. Each with its `/p2p/…`, because the relay has to prove its key.
   *
   * @defaultValue none
   */
  readonly relays?: readonly Address[] | undefined
  /**
   * Passes on the connections of others, within the limits of `limits.ts`.
   *
   * @defaultValue false
   */
  readonly relayService?: boolean | undefined
  /**
   * Asks others whether this node can be reached (AutoNAT), asks the router to forward a
   * port (UPnP), and replaces relayed connections by direct ones (DCUtR).
   *
   * @defaultValue false
   */
  readonly enableNatTraversal?: boolean | undefined
}

/** {@link Libp2pOptions}, checked and complete. */
export interface Libp2pSettings {
  readonly announceAddresses: readonly Address[]
  readonly enableQuic: boolean
  readonly enableWebSocket: boolean
  readonly webSocketPort: number
  readonly enableDht: boolean
  readonly dhtProtocol: string
  readonly enableMdns: boolean
  readonly mdnsServiceTag: string
  readonly relays: readonly Address[]
  readonly relayService: boolean
  readonly enableNatTraversal: boolean
  /** Those of the transport settings that are ours. */
  readonly bootstrapNodes: readonly Address[]
  /** True when the network is not the internet: only then are private addresses told, passed on and dialled. */
  readonly isPrivateNetwork: boolean
}

/**
 * Checks and completes.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, or `ERR_CONFIG_INVALID` whose message names the option.
 */
export function parseLibp2pOptions(
  options: Libp2pOptions,
  settings: TransportSettings,
): Libp2pSettings {
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  )
  const ours = settings.bootstrapNodes.filter((address) => address.startsWith('libp2p://'))
  const wanted = { ...defaults, enableDht: ours.length > 0, ...given }
  const complete: Libp2pSettings = {
    ...wanted,
    // What the settings of all transports switch off, no option switches on again.
    enableQuic: wanted.enableQuic && settings.enableQuic,
    enableDht: wanted.enableDht && settings.enableDht,
    enableNatTraversal: wanted.enableNatTraversal && settings.enableNatTraversal,
    bootstrapNodes: ours,
    isPrivateNetwork:
      ours.every(isPrivateAddress) &&
      !options.announceAddresses?.some(isPublic) &&
      (ours.length > 0 || isPrivateListener(settings.bindAddress)),
  }
  for (const address of [...complete.announceAddresses, ...ours]) parseLibp2pAddress(address)
  for (const address of complete.relays) checkRelay(address)
  checkTexts(complete)
  return complete
}

const defaults = {
  announceAddresses: [],
  enableQuic: true,
  enableWebSocket: false,
  webSocketPort: 0,
  dhtProtocol: '/vudo/kad/1.0.0',
  enableMdns: false,
  mdnsServiceTag: '_vudo-libp2p._udp.local',
  relays: [],
  relayService: false,
  enableNatTraversal: false,
} as const

function checkRelay(address: Address): void {
  const { medium, libp2pId } = parseLibp2pAddress(address)
  if (libp2pId !== undefined && medium !== 'relay') return
  throw new TransportError('ERR_ADDRESS_INVALID', `${address} names no relay`, {
    hint: 'write the relay with its key, for example libp2p:///ip4/203.0.113.7/tcp/4001/p2p/12D3Koo…',
  })
}

function checkTexts(settings: Libp2pSettings): void {
  const { dhtProtocol, mdnsServiceTag, webSocketPort } = settings
  if (!/^\/[\x21-\x7e]{1,127}$/.test(dhtProtocol)) {
    throw invalid('dhtProtocol', 'a protocol name such as /vudo/kad/1.0.0', dhtProtocol)
  }
  if (!/^(?:[a-zA-Z0-9_-]{1,63}\.)+local$/.test(mdnsServiceTag) || mdnsServiceTag.length > 253) {
    throw invalid('mdnsServiceTag', 'a DNS name that ends in .local', mdnsServiceTag)
  }
  if (!Number.isInteger(webSocketPort) || webSocketPort < 0 || webSocketPort > 65_535) {
    throw invalid('webSocketPort', 'a whole number from 0 to 65535', webSocketPort)
  }
}

function invalid(option: string, expected: string, value: unknown): TransportError {
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `${option} is ${JSON.stringify(value)}, expected ${expected}`,
    { hint: 'leave it out for the default' },
  )
}

function isPublic(address: Address): boolean {
  return !isPrivateAddress(address)
}

/** Whether who listens there is reached from near here only: at all addresses it counts what this machine has. */
function isPrivateListener(bindAddress: string): boolean {
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') return isPrivateHost(bindAddress)
  const family = isIP(bindAddress) === 4 ? 'IPv4' : 'IPv6'
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return own.every((one) => one.family !== family || isPrivateHost(one.address))
}
