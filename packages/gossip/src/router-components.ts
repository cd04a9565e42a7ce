/**
 * What GossipSub asks of a libp2p node, answered without one: who is connected, streams to
 * them, a peer store that remembers nothing, a log that goes nowhere.
 */
import type { GossipSubComponents } from '@libp2p/gossipsub'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { InboundStream, OutboundStream } from './router-streams.ts'

/** What a connection is made with. */
export interface RouterConnectionInit {
  readonly peerId: PeerId
  readonly isOutbound: boolean
  readonly openStream: () => OutboundStream
}

/** A session as the router sees it: a connection on which it opens one stream. */
export class RouterConnection {
  readonly remotePeer: PeerId
  readonly direction: 'inbound' | 'outbound'
  /** Has no IP address: scores by address would count a relay's peers as one attacker. */
  readonly remoteAddr: { getComponents(): []; toString(): string } = {
    getComponents: () => [],
    toString: () => 'session',
  }
  status: 'open' | 'closed' = 'open'
  readonly #openStream: () => OutboundStream
  #stream: OutboundStream | undefined

  constructor({ peerId, isOutbound, openStream }: RouterConnectionInit) {
    this.remotePeer = peerId
    this.direction = isOutbound ? 'outbound' : 'inbound'
    this.#openStream = openStream
  }

  async newStream(): Promise<OutboundStream> {
    if (this.status === 'closed') throw new Error('the session has ended')
    this.#stream = this.#openStream()
    return this.#stream
  }

  endStream(): void {
    this.#stream?.end()
  }

  close(): void {
    this.status = 'closed'
    this.endStream()
  }
}

interface Topology {
  onConnect?(peerId: PeerId, connection: RouterConnection): void
  onDisconnect?(peerId: PeerId): void
}

type StreamHandler = (stream: InboundStream, connection: RouterConnection) => void

/** Tells the router of sessions and streams: all its protocols are one here. */
export class RouterRegistrar {
  readonly #topologies = new Map<string, Topology>()
  readonly #handlers = new Map<string, StreamHandler>()

  async register(protocol: string, topology: Topology): Promise<string> {
    this.#topologies.set(protocol, topology)
    return protocol
  }

  unregister(id: string): void {
    this.#topologies.delete(id)
  }

  async handle(protocol: string, handler: StreamHandler): Promise<void> {
    this.#handlers.set(protocol, handler)
  }

  async unhandle(protocol: string): Promise<void> {
    this.#handlers.delete(protocol)
  }

  getTopologies(protocol: string): Topology[] {
    const topology = this.#topologies.get(protocol)
    return topology === undefined ? [] : [topology]
  }

  connected(connection: RouterConnection): void {
    const [topology] = this.#topologies.values()
    topology?.onConnect?.(connection.remotePeer, connection)
  }

  disconnected({ remotePeer }: RouterConnection): void {
    const [topology] = this.#topologies.values()
    topology?.onDisconnect?.(remotePeer)
  }

  opened(stream: InboundStream, connection: RouterConnection): void {
    this.#handlers.get(stream.protocol)?.(stream, connection)
  }
}

/** The parts that the router is built from. */
export function createComponents(
  privateKey: PrivateKey,
  peerId: PeerId,
): { readonly components: GossipSubComponents; readonly registrar: RouterRegistrar } {
  const registrar = new RouterRegistrar()
  const parts = {
    privateKey,
    peerId,
    registrar,
    connectionManager: { openConnection: () => Promise.reject(new Error('the overlay connects')) },
    peerStore: {
      merge: async () => {},
      get: async () => ({}),
      consumePeerRecord: async () => false,
    },
    logger: { forComponent: () => quiet },
  }
  // Of these interfaces the router uses what stands above, and nothing else.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { components: parts as unknown as GossipSubComponents, registrar }
}

/** What goes wrong with one neighbour shows in the counters and in its score. */
const quiet = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => quiet,
})
