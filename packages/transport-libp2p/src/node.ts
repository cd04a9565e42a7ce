/**
 * Makes a node of the stack out of our settings. Whatever others could use up has a limit of ours:
 * connections, streams, messages, times, memory. The stack's own are the lengths of the queues in
 * which it keeps its own work, and how it looks for routers.
 */
import type { StreamMiddleware } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { KadDHT } from '@libp2p/kad-dht'
import type { Libp2p, Libp2pOptions as StackOptions } from 'libp2p'
import {
  HANDSHAKE_TIMEOUT_MS,
  isTransportError,
  MAX_HALF_OPEN,
  TransportError,
  type TransportContext,
  type TransportSettings,
} from '@vudo/transport'
import { dialAnew } from './autonat.ts'
import { createBoundedDatastore } from './bounded-datastore.ts'
import { createDoor } from './door.ts'
import { createDht } from './dht-service.ts'
import { linkProtocol } from './link-protocol.ts'
import { parseLibp2pAddress } from './libp2p-address.ts'
import type { Libp2pSettings } from './libp2p-options.ts'
import * as limits from './limits.ts'
import { createReservations, type Listeners, type Reservations } from './reservations.ts'
import { loadPart, type StackLoaders } from './stack.ts'
import { warnOnce } from './warn-once.ts'

/** What {@link startNode} takes. */
export interface NodeInit {
  readonly loaders: StackLoaders
  readonly context: TransportContext
  readonly options: Libp2pSettings
  /** A node on the local network, found by mDNS. */
  readonly onMdnsPeer: (multiaddrs: readonly Multiaddr[], libp2pId: string) => void
}

/** A running node of the stack, and what of its inside we need. */
export interface StackNode {
  readonly libp2p: Libp2p
  readonly dht: KadDHT | undefined
  /** Whether a stream of this protocol makes a connection worth keeping: pings and introductions do not. */
  isUseful(protocol: string): boolean
  /** Where it listens, without its own id: IP addresses only, relays not counted. */
  listenAddresses(): readonly Multiaddr[]
  readonly reservations: Reservations
}

/**
 * Starts a node.
 *
 * @throws `TransportError` `ERR_TRANSPORT_MISSING`, `ERR_ADDRESS_IN_USE`, or
 *   `ERR_CONFIG_INVALID` when this machine cannot listen at `bindAddress`.
 */
export async function startNode(init: NodeInit): Promise<StackNode> {
  const { settings } = init.context
  try {
    return await startAt(init, settings.port)
  } catch (error) {
    // Nobody asked for this very port, and whoever discovers us learns the real one.
    if (settings.isPortChosen || !isAddressInUse(error)) throw error
    return startAt(init, 0)
  }
}

/** What a service of the stack is given that its public side hides. */
interface Inside {
  readonly transportManager: Listeners & {
    getAddrs(): Multiaddr[]
  }
  readonly addressManager: {
    confirmObservedAddr(multiaddr: Multiaddr, options: { readonly type: 'transport' }): void
  }
}

async function startAt(init: NodeInit, port: number): Promise<StackNode> {
  const { loaders, context, options } = init
  const { createLibp2p } = await loadPart(loaders, 'libp2p')
  const { multiaddr } = await loadPart(loaders, '@multiformats/multiaddr')
  const parts = await createParts(init)
  let inside: Inside | undefined
  const isUseful = (protocol: string): boolean =>
    protocol === options.dhtProtocol || usefulProtocols.has(protocol)
  const door = createDoor({
    crowdedFrom: roomFor(context.settings) - limits.FREE_CONNECTIONS,
    connections: (id) => libp2p.getConnections(id),
    isUseful,
  })
  const services = {
    ...parts.services,
    // A service, because services are given the parts that the node hides.
    inside: (components: Inside): object => {
      inside = components
      return {}
    },
  }
  const stackOptions: StackOptions = {
    ...(await ownIdentity(loaders, context.seed)),
    ...stackLimits(context.settings),
    start: false,
    addresses: {
      listen: listenAt(context.settings, options, parts.hasQuic, port),
      announce: options.announceAddresses.map((address) => parseLibp2pAddress(address).multiaddr),
    },
    transports: parts.transports,
    connectionEncrypters: parts.connectionEncrypters,
    streamMuxers: parts.streamMuxers,
    datastore: createBoundedDatastore(),
    connectionGater: door.gater,
    nodeInfo: { name: 'vudo', version: '1', userAgent: 'vudo' },
    services,
  }
  const libp2p: Libp2p = await createLibp2p(stackOptions)
  libp2p.addEventListener('connection:open', () => door.opened())
  libp2p.use(stopProtocol, await onlyFromRelays(loaders, options))
  try {
    await libp2p.start()
  } catch (error) {
    throw listenError(error, context.settings.bindAddress, port)
  }
  const { transportManager, addressManager } = inside!
  const listenAddresses = (): Multiaddr[] =>
    transportManager.getAddrs().filter((one) => !one.toString().includes('/p2p-circuit'))
  // The stack keeps a public address to itself until AutoNAT has tried it.
  if (!options.enableNatTraversal) {
    for (const one of listenAddresses()) {
      addressManager.confirmObservedAddr(one, { type: 'transport' })
    }
  }
  return {
    libp2p,
    dht: parts.dht(),
    isUseful,
    listenAddresses,
    reservations: createReservations(transportManager, multiaddr),
  }
}

async function ownIdentity(
  loaders: StackLoaders,
  seed: Uint8Array,
): Promise<Pick<StackOptions, 'privateKey'>> {
  const { generateKeyPairFromSeed } = await loadPart(loaders, '@libp2p/crypto')
  return { privateKey: await generateKeyPairFromSeed('Ed25519', seed) }
}

/** By which a relay brings us somebody. */
const stopProtocol = '/libp2p/circuit/relay/0.2.0/stop'

/**
 * Turns away strangers who say that they bring us somebody: at each of their calls the stack would
 * ask them for a place, and keep one more listener for ever.
 */
async function onlyFromRelays(
  loaders: StackLoaders,
  { relays }: Libp2pSettings,
): Promise<StreamMiddleware> {
  const { peerIdFromString } = await loadPart(loaders, '@libp2p/peer-id')
  const ids = relays.map((relay) => peerIdFromString(parseLibp2pAddress(relay).libp2pId ?? ''))
  return (stream, connection, next) => {
    const isOurs = ids.some((id) => id.equals(connection.remotePeer))
    if (stream.direction === 'inbound' && !isOurs) throw new Error('no relay of this node')
    next(stream, connection)
  }
}

/** Links, and what passes through a relay; besides those the questions of the DHT. */
const usefulProtocols: ReadonlySet<string> = new Set([
  linkProtocol,
  '/libp2p/circuit/relay/0.2.0/hop',
  stopProtocol,
])

/** Connections that the stack takes. */
function roomFor({ maxConnections }: TransportSettings): number {
  return maxConnections + limits.SPARE_CONNECTIONS
}

/** Higher than the swarm's in each case, so that the swarm decides, and can tell the peer why. */
function stackLimits(settings: TransportSettings): Partial<StackOptions> {
  const { dialTimeoutMs, maxNewConnectionsPerSecond } = settings
  return {
    connectionManager: {
      maxConnections: roomFor(settings),
      inboundConnectionThreshold: limits.STACK_RATE_FACTOR * maxNewConnectionsPerSecond,
      maxIncomingPendingConnections: MAX_HALF_OPEN,
      inboundUpgradeTimeout: HANDSHAKE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: HANDSHAKE_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: HANDSHAKE_TIMEOUT_MS,
      dialTimeout: dialTimeoutMs,
      addressDialTimeout: dialTimeoutMs,
      maxParallelDials: limits.MAX_PARALLEL_DIALS,
      maxDialQueueLength: limits.MAX_WAITING_DIALS,
      maxPeerAddrsToDial: limits.MAX_ADDRESSES_PER_DIAL,
      connectionCloseTimeout: limits.CLOSE_GRACE_MS,
    },
    connectionMonitor: {
      pingInterval: limits.PING_INTERVAL_MS,
      pingTimeout: { minTimeout: limits.PING_TIMEOUT_MS },
    },
  }
}

/** The modules of a node, each with its limits. */
interface Parts {
  readonly transports: NonNullable<StackOptions['transports']>
  readonly connectionEncrypters: NonNullable<StackOptions['connectionEncrypters']>
  readonly streamMuxers: NonNullable<StackOptions['streamMuxers']>
  readonly services: NonNullable<StackOptions['services']>
  readonly hasQuic: boolean
  /** The DHT, once the node has been made. */
  dht(): KadDHT | undefined
}

async function createParts(init: NodeInit): Promise<Parts> {
  const { loaders, context, options } = init
  const [{ noise }, { yamux }, quic, dht] = await Promise.all([
    loadPart(loaders, '@libp2p/noise'),
    loadPart(loaders, '@libp2p/yamux'),
    options.enableQuic ? loadQuic(loaders) : undefined,
    options.enableDht ? createDht(loaders, options) : undefined,
  ])
  return {
    hasQuic: quic !== undefined,
    transports: [...(await createTransports(loaders, context.settings)), ...(quic ? [quic] : [])],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: limits.MAX_STREAMS_PER_CONNECTION,
        maxOutboundStreams: limits.MAX_STREAMS_PER_CONNECTION,
        streamOptions: {
          maxReadBufferLength: limits.MAX_STREAM_WINDOW_BYTES,
        },
      }),
    ],
    services: {
      ...(await createServices(init)),
      ...(dht ? ({ dht: dht.service } as object) : {}),
    },
    dht: () => dht?.get(),
  }
}

type StackTransport = NonNullable<StackOptions['transports']>[number]

async function createTransports(
  loaders: StackLoaders,
  settings: TransportSettings,
): Promise<StackTransport[]> {
  const [{ tcp }, { webSockets }, { circuitRelayTransport }] = await Promise.all([
    loadPart(loaders, '@libp2p/tcp'),
    loadPart(loaders, '@libp2p/websockets'),
    loadPart(loaders, '@libp2p/circuit-relay-v2'),
  ])
  return [
    // Below everything else: this many sockets, and no more open files.
    tcp({ maxConnections: roomFor(settings) + 2 * MAX_HALF_OPEN }),
    webSockets(),
    circuitRelayTransport({
      reservationCompletionTimeout: limits.RESERVATION_TIMEOUT_MS,
      maxInboundStopStreams: limits.MAX_RELAYED_PER_RELAY,
      maxOutboundStopStreams: limits.MAX_RELAYED_PER_RELAY,
    }),
  ]
}

/** QUIC comes with a binary that not every platform has; nothing else depends on it. */
async function loadQuic(loaders: StackLoaders): Promise<StackTransport | undefined> {
  try {
    const { quic } = await loadPart(loaders, '@chainsafe/libp2p-quic')
    return quic({
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxConcurrentStreamLimit: limits.MAX_STREAMS_PER_CONNECTION,
    })
  } catch (error) {
    const hint = isTransportError(error) ? error.hint : undefined
    warnOnce(`libp2p goes on without QUIC, whose binary cannot be loaded here (${hint})`)
    return undefined
  }
}

const serviceLimits = {
  timeout: HANDSHAKE_TIMEOUT_MS,
  maxInboundStreams: limits.MAX_SERVICE_STREAMS,
  maxOutboundStreams: limits.MAX_SERVICE_STREAMS,
} as const

async function createServices(init: NodeInit): Promise<NonNullable<StackOptions['services']>> {
  const { loaders, options } = init
  const [{ identify }, { ping }] = await Promise.all([
    loadPart(loaders, '@libp2p/identify'),
    loadPart(loaders, '@libp2p/ping'),
  ])
  return {
    identify: identify({
      ...serviceLimits,
      maxMessageSize: limits.MAX_INTRODUCTION_BYTES,
      maxObservedAddresses: limits.MAX_OBSERVED_ADDRESSES,
    }),
    ping: ping({ ...serviceLimits, timeout: limits.PING_TIMEOUT_MS }),
    ...(options.enableNatTraversal ? await createNatServices(loaders) : {}),
    ...(options.relayService ? await createRelayService(loaders) : {}),
    ...(options.enableMdns ? await createMdns(init) : {}),
  } as NonNullable<StackOptions['services']>
}

async function createNatServices(loaders: StackLoaders): Promise<object> {
  const [{ autoNAT }, { dcutr }, { uPnPNAT }] = await Promise.all([
    loadPart(loaders, '@libp2p/autonat'),
    loadPart(loaders, '@libp2p/dcutr'),
    loadPart(loaders, '@libp2p/upnp-nat'),
  ])
  return {
    autoNat: dialAnew(
      autoNAT({
        timeout: limits.AUTONAT_TIMEOUT_MS,
        maxInboundStreams: limits.MAX_SERVICE_STREAMS,
        maxOutboundStreams: limits.MAX_AUTONAT_QUESTIONS,
        maxMessageSize: limits.MAX_INTRODUCTION_BYTES,
      }),
    ),
    dcutr: dcutr({ ...serviceLimits, retries: limits.HOLE_PUNCH_TRIES }),
    upnp: uPnPNAT({ portMappingDescription: 'vudo' }),
  }
}

async function createRelayService(loaders: StackLoaders): Promise<object> {
  const { circuitRelayServer } = await loadPart(loaders, '@libp2p/circuit-relay-v2')
  return {
    relay: circuitRelayServer({
      hopTimeout: limits.RELAY_HOP_TIMEOUT_MS,
      maxInboundHopStreams: limits.RELAY_MAX_RESERVATIONS,
      maxOutboundHopStreams: limits.MAX_SERVICE_STREAMS,
      maxOutboundStopStreams: limits.MAX_RELAYED_PER_RELAY,
      reservations: {
        maxReservations: limits.RELAY_MAX_RESERVATIONS,
        defaultDurationLimit: limits.RELAY_DURATION_MS,
        defaultDataLimit: limits.RELAY_DATA_BYTES,
      },
    }),
  }
}

/** A service like any other, so that we hear of its own finds only and not of all peers that the stack learns of. */
async function createMdns({ loaders, options, onMdnsPeer }: NodeInit): Promise<object> {
  const { mdns } = await loadPart(loaders, '@libp2p/mdns')
  const create = mdns({ serviceTag: options.mdnsServiceTag })
  return {
    mdns: (components: Parameters<typeof create>[0]) => {
      const service = create(components)
      service.addEventListener('peer', ({ detail }) => {
        onMdnsPeer(detail.multiaddrs, detail.id.toString())
      })
      return service
    },
  }
}

function listenAt(
  { bindAddress }: TransportSettings,
  options: Libp2pSettings,
  hasQuic: boolean,
  port: number,
): string[] {
  const host = `/${bindAddress.includes(':') ? 'ip6' : 'ip4'}/${bindAddress}`
  return [
    `${host}/tcp/${port}`,
    ...(hasQuic ? [`${host}/udp/${port}/quic-v1`] : []),
    ...(options.enableWebSocket ? [`${host}/tcp/${options.webSocketPort}/ws`] : []),
  ]
}

function listenError(cause: unknown, host: string, port: number): TransportError {
  const text = cause instanceof Error ? cause.message : String(cause)
  if (/EADDRINUSE|address already in use/i.test(text)) {
    return new TransportError('ERR_ADDRESS_IN_USE', `port ${port} of ${host} is taken`, {
      cause,
      hint: 'another instance may be running: choose another port, or 0 for any free one',
    })
  }
  return new TransportError('ERR_CONFIG_INVALID', `cannot listen at ${host}:${port}`, {
    cause,
    hint: 'bindAddress has to be an address of this machine, 0.0.0.0 means all; ports below 1024 are reserved',
  })
}

function isAddressInUse(error: unknown): boolean {
  return isTransportError(error) && error.code === 'ERR_ADDRESS_IN_USE'
}
