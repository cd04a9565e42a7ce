/** What the network offers, without how it does it. */
import type {
  AbortOptions,
  Address,
  ConnectionPath,
  DialTarget,
  Discovery,
  PeerId,
  PeerInfo,
  Transport,
} from '@vudo/transport'
import type { EventHub } from '@vudo/events'
import type { NodeKey, SealingKeys } from '@vudo/identity'
import type { PeerLists } from './admission.ts'
import type { Channel } from './channel.ts'
import type { NetworkError } from './errors.ts'
import type { NetworkOptions } from './options.ts'
import type { Session, SessionPath } from './session.ts'

/** What {@link createNetwork} takes. */
export interface NetworkInit {
  /** Who this node is. */
  readonly key: NodeKey
  /** How peers are reached. They belong to the network from now on: `stop` disconnects them. */
  readonly transports: readonly Transport[]
  /**
   * How peers are found. They belong to the network from now on: `stop` closes them.
   *
   * @defaultValue none: transports that discover, and bootstrap nodes, remain.
   */
  readonly discoveries?: readonly Discovery[] | undefined
  /**
   * The keys to which others seal messages for this node; the current one goes into its record.
   *
   * @defaultValue new ones
   */
  readonly sealingKeys?: SealingKeys | undefined
  readonly options?: NetworkOptions | undefined
  /**
   * The addresses of this machine's interfaces as one text, the same as long as they are:
   * looked at every 5 s, and when it changes everything that is wanted is dialled anew.
   *
   * @defaultValue none: such changes are noticed by the connections that die of them.
   */
  readonly interfaces?: (() => string) | undefined
}

/** A database to take part in. */
export interface DatabaseTicket {
  /** 1 to 256 bytes in UTF-8. */
  readonly id: string
  /**
   * The 32 bytes that its members share. Copied.
   *
   * @defaultValue none: an OPEN database, which everybody who knows the id may read.
   */
  readonly secret?: Uint8Array | undefined
}

/** What {@link Network.connectPeer} takes. */
export interface ConnectPeerOptions extends AbortOptions {
  /**
   * Who is meant to be there; anybody else is refused with `ERR_PEER_MISMATCH`.
   *
   * @defaultValue whoever answers
   */
  readonly expected?: PeerId | undefined
}

/** A peer that is connected. */
export interface PeerStatus {
  readonly peerId: PeerId
  readonly path: ConnectionPath
  /** The last measured round trip in milliseconds. */
  readonly rttMs: number | undefined
  /** When the session began, in milliseconds since 1970. */
  readonly sinceMs: number
  /** Ids of the shared databases. */
  readonly databases: readonly string[]
}

/** What a network tells, by name. */
export interface NetworkEvents {
  /** A peer of a joined database was found; it may not be reachable. */
  'peer:discovered': PeerInfo
  /** The first session of a peer is attached: its messages flow. */
  'peer:connected': { readonly peerId: PeerId; readonly path: ConnectionPath }
  /** No session of the peer is attached any more; `reason` is a code, `interrupted` while it may come back. */
  'peer:disconnected': { readonly peerId: PeerId; readonly reason: string }
  'session:started': { readonly session: Session }
  /** One more connection carries the session. */
  'path:added': { readonly session: Session; readonly path: SessionPath }
  /** A connection of the session is gone; what was under way on it goes over another one. */
  'path:removed': { readonly session: Session; readonly path: SessionPath }
  /** Another connection is the best one: what is urgent goes over it. */
  'path:changed': { readonly session: Session; readonly path: SessionPath }
  /** The session's connections stand and do not answer; the peer is dialled again. */
  'session:silent': { readonly session: Session }
  /** The last connection is lost; channels keep what they have and wait. */
  'session:interrupted': { readonly session: Session }
  /** A connection carries the session again; channels go on. */
  'session:resumed': { readonly session: Session }
  /** Over for good; without an error when this end closed it. */
  'session:ended': { readonly session: Session; readonly error: NetworkError | undefined }
  /** Both ends have proven to have a database: channels may be opened for it. */
  'database:shared': { readonly session: Session; readonly databaseId: string }
  /** One end left the database; its channels have ended. */
  'database:unshared': { readonly session: Session; readonly databaseId: string }
  /** No session came about, or it ended for want of a shared database. */
  'peer:refused': {
    readonly peerId: PeerId | undefined
    readonly code: string
    readonly message: string
  }
  /**
   * A dial that the network began by itself is over: of a bootstrap node, or of a peer that
   * was found. `peerId` is who answered; without it `error` says why no session came about,
   * and it is tried again.
   */
  'dial:ended': {
    readonly target: DialTarget
    readonly peerId: PeerId | undefined
    readonly error: unknown
  }
  /**
   * This machine slept, or its interfaces have other addresses: pauses between dials have
   * ended, and the node announces itself and searches again.
   */
  'surroundings:changed': { readonly change: 'woken' | 'interfaces' }
  /** A transport or discovery failed at something; it is tried again. */
  'search:failed': { readonly name: string; readonly error: unknown }
}

/** Takes a channel that a peer opened. */
export type ChannelHandler = (channel: Channel) => void | Promise<void>

/** The sessions of this node with its peers, over all its transports. */
export interface Network {
  /** This node. */
  readonly peerId: PeerId
  /** This process, 32 hex characters: two processes with one key are two peers to others. */
  readonly instance: string
  /** Where others can reach this node, over all transports; empty before `start`. */
  readonly addresses: readonly Address[]
  /** Every session that has not ended. */
  readonly sessions: readonly Session[]
  /** What happens; closed when the network has stopped. */
  readonly events: EventHub<NetworkEvents>
  /**
   * Begins to accept connections and to dial bootstrap nodes. Idempotent. A transport that
   * takes longer than half a second after the first one joins in when it is ready.
   *
   * @throws `NetworkError` `ERR_NETWORK_STOPPED`; `TransportError` when a transport cannot listen.
   */
  start(options?: AbortOptions): Promise<void>
  /**
   * Says goodbye to every peer and frees everything: transports, discoveries,
   * timers. Idempotent, in any state. For a new start make a new network.
   */
  stop(): Promise<void>
  /**
   * Takes part in a database: this node can be found by its members, finds and
   * dials them. Settles when it is announced. Idempotent.
   *
   * @throws `NetworkError` `ERR_LIMIT` at 256 databases, `ERR_NETWORK_STOPPED`.
   * @throws `RangeError` when the id or the secret has a wrong length, or the database
   *   was joined with another secret.
   */
  join(database: DatabaseTicket, options?: AbortOptions): Promise<void>
  /**
   * Leaves a database: its channels end with `ERR_NOT_MEMBER`.
   *
   * @throws `NetworkError` `ERR_DATABASE_UNKNOWN` when it was not joined.
   */
  leave(databaseId: string): Promise<void>
  /**
   * Takes the channels that peers open for `protocol`. A later call replaces the
   * handler. What a handler throws, or its promise rejects with, resets its channel;
   * errors of the network itself end there, others become uncaught errors.
   *
   * @returns Takes the handler away again.
   */
  handle(protocol: string, handler: ChannelHandler): () => void
  /**
   * Connects to an address, or to a peer id that a transport can find or that was
   * heard of. Settles when a session with a shared database stands; an existing one is used.
   *
   * @throws `NetworkError` `ERR_VERSION_MISMATCH`, `ERR_NO_SHARED_DATABASE`, `ERR_LIMIT`,
   *   `ERR_SESSION_PROTOCOL`, `ERR_SESSION_CLOSED`, `ERR_NO_TRANSPORT`, `ERR_NETWORK_STOPPED`.
   * @throws `TransportError`: what `Transport.dial` throws.
   */
  connectPeer(target: DialTarget, options?: ConnectPeerOptions): Promise<PeerId>
  /**
   * Ends every session with a peer. It is not dialled again until it is found anew
   * or `connectPeer` asks; it may dial us.
   *
   * @throws `NetworkError` `ERR_PEER_NOT_CONNECTED` when there is none.
   */
  disconnectPeer(peerId: PeerId): Promise<void>
  /** {@link disconnectPeer} for every peer. */
  disconnectAll(): Promise<void>
  /** Bytes per second over all peers, both directions together; `undefined` while there is no limit. */
  readonly bandwidthLimit: number | undefined
  /**
   * Limits what this node sends and receives. Channels of priority `normal` and `low` wait
   * for it; `critical` and `high` ones are counted and do not wait.
   *
   * @throws `RangeError` for less than 1.
   */
  setBandwidthLimit(bytesPerSecond: number | undefined): void
  /** Who is let in, and who is kept out. */
  readonly peerLists: PeerLists
  /**
   * Replaces the lists: sessions with peers that they keep out end now.
   *
   * @throws `NetworkError` `ERR_NETWORK_OPTION` for what is no peer id; nothing has changed then.
   */
  setPeerLists(lists: PeerLists): Promise<void>
  /** Looks for peers of every joined database now; those found are dialled as well. */
  discoverPeers(options?: AbortOptions): Promise<PeerInfo[]>
  /** The session with a peer: an attached one, of several the oldest; `undefined` when there is none. */
  session(peerId: PeerId): Session | undefined
  isPeerConnected(peerId: PeerId): boolean
  /** One entry per attached session. */
  connectedPeers(): PeerStatus[]
}
