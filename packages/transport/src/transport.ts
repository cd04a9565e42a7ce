import type { AbortOptions, Connection, Link, Pipe } from './connection.ts'
import type { Discovery } from './discovery.ts'
import type { Address, PeerId, PeerInfo, PeerRecord, Topic } from './peer.ts'
import type { TransportSettings } from './config.ts'

/** What a transport can and cannot do, so that the layers above adapt instead of guessing. */
export interface TransportFeatures {
  /** The largest message of a connection, in bytes; the layer above splits what is larger. */
  readonly maxMessageBytes: number
  /** True when the medium itself proves the peer's key; else `secure-channel` does, inside. */
  readonly provesPeer: boolean
  /** True when `announce` and `lookup` find peers without a discovery handed in. */
  readonly discovers: boolean
  /** False when `dial` rejects with `ERR_UNSUPPORTED`. */
  readonly dials: boolean
  /** False when large transfers should go over another path of the same peer. Left out: true. */
  readonly bulk?: boolean | undefined
  /**
   * True when every connection goes through a third party: such a transport is dialled at
   * once beside the direct ones, and left for a direct one when that stands. Left out: false.
   */
  readonly relays?: boolean | undefined
  /** True when the user may pay by the byte. Left out: false. */
  readonly metered?: boolean | undefined
}

/** What `connect` takes. */
export interface ConnectOptions extends AbortOptions {
  /** Leaves the topic: the iteration ends, as it does by `break`, without an error. */
  readonly signal?: AbortSignal | undefined
  /**
   * Which of the peers found to dial.
   *
   * @defaultValue all, up to `maxConnections`, so that two programs that only call `connect` meet.
   */
  readonly admit?: ((peer: PeerInfo) => boolean) | undefined
}

/** An address, or the id of a peer that the transport can find by itself: both are text. */
export type DialTarget = string

/** What `dial` takes. */
export interface DialOptions extends AbortOptions {
  /**
   * Who is meant to be there. Another proven key rejects with `ERR_PEER_MISMATCH` and yields nothing.
   *
   * @defaultValue whoever answers.
   */
  readonly expected?: PeerId | undefined
}

/**
 * One way to reach peers. `transport-memory` is the one to copy; a transport is
 * done when `transport-conformance` says so.
 */
export interface Transport {
  /** Lower-case, as in addresses and configuration: `tcp`, `memory`, `my-radio`. */
  readonly name: string
  readonly features: TransportFeatures
  /** Where others can reach this node, best first; empty before listening and where nobody can dial. */
  readonly addresses: readonly Address[]
  /** Begins to accept connections. `connect`, `announce` and `dial` do it by themselves. Idempotent. */
  listen(options?: AbortOptions): Promise<void>
  /** Makes this node findable under `topic`. Idempotent; lasts until the topic is left or `disconnect`. */
  announce(topic: Topic, options?: AbortOptions): Promise<void>
  /** The peers known under `topic` right now; empty when nobody was found. */
  lookup(topic: Topic, options?: AbortOptions): Promise<PeerInfo[]>
  /**
   * Joins `topic`: accepts peers, dials those found that `admit` lets through, and
   * yields each connection whose far end joined the topic as well, once. Ending the
   * iteration leaves this topic only; connections stay with the other topics.
   */
  connect(topic: Topic, options?: ConnectOptions): AsyncIterable<Connection>
  /**
   * Opens one connection. It is yielded on shared topics too.
   *
   * @param target - An address of this transport, or a peer id that it can find by itself.
   * @throws `TransportError`: `ERR_ADDRESS_INVALID`, `ERR_DIAL_TIMEOUT`,
   *   `ERR_DIAL_FAILED`, `ERR_HANDSHAKE_FAILED`, `ERR_PEER_MISMATCH`,
   *   `ERR_PEER_SELF`, `ERR_LIMIT`, or `ERR_UNSUPPORTED` where `features.dials` is false.
   */
  dial(target: DialTarget, options?: DialOptions): Promise<Connection>
  /** Leaves every topic, closes every connection, frees everything. Idempotent. */
  disconnect(): Promise<void>
}

/** What a transport is given by whoever creates it. */
export interface TransportContext {
  /** This node. */
  readonly peerId: PeerId
  /**
   * The node's 32-byte Ed25519 seed, for stacks that prove it by themselves (TLS,
   * QUIC, libp2p). Shared: do not change it, keep it no longer than needed, never
   * write it anywhere.
   */
  readonly seed: Uint8Array
  /** Complete and checked. */
  readonly settings: TransportSettings
  /** Finds peers for `connect` and `lookup`; empty under `network`, which looks up by itself. */
  readonly discoveries: readonly Discovery[]
  /** Signs where this node can be reached. */
  signRecord(addresses: readonly Address[]): PeerRecord
  /**
   * Makes any pipe safe: encrypts end to end and proves the far end's key
   * (`secure-channel`). The pipe is taken over and closed on any failure.
   *
   * @throws `TransportError`: `ERR_HANDSHAKE_FAILED`, `ERR_PEER_MISMATCH`, `ERR_PEER_SELF`.
   */
  secure(pipe: Pipe, options: SecureOptions): Promise<Link>
}

/** What {@link TransportContext.secure} has to know about a pipe. */
export interface SecureOptions extends AbortOptions {
  /** True on the side that dialled: it speaks first. */
  readonly initiator: boolean
  /** Who is meant to be there. */
  readonly expected?: PeerId | undefined
  /** What the pipe is for, known to both ends; another value at the far end fails the handshake. Empty when left out. */
  readonly binding?: Uint8Array | undefined
  /** What the connection's `path` will say. */
  readonly path: {
    readonly transport: string
    readonly relayed: boolean
    readonly address?: Address | undefined
  }
}

/** Makes a transport: what a transport package exports, and what the registry keeps. */
export type TransportFactory = (context: TransportContext) => Transport
