import type { ConnectionPath, PeerId } from '@vudo/transport'
import type { Channel, EndReason } from './channel.ts'

/** What goes first: critical before everything, the others share 4 : 2 : 1. */
export type Priority = 'critical' | 'high' | 'normal' | 'low'

/** What {@link Session.openChannel} takes. */
export interface OpenChannelOptions {
  /**
   * The database that the channel is for. The peer must have proven to have it.
   *
   * @defaultValue none: the protocol concerns the peer and no database.
   */
  readonly database?: string | undefined
  /**
   * `critical` is for what a person waits for: it goes before everything, and
   * makes frames smaller while it is open.
   *
   * @defaultValue `'normal'`
   */
  readonly priority?: Priority | undefined
}

/** One connection that carries a session, and what was measured on it. */
export interface SessionPath {
  /** Its number in the session; none is used twice. */
  readonly id: number
  readonly path: ConnectionPath
  /** The last measured round trip in milliseconds. */
  readonly rttMs: number | undefined
  /** The highest throughput of the last seconds; `undefined` before data was acknowledged. */
  readonly bytesPerSecond: number | undefined
  /** How often it did not answer of late, from 0 to 1. */
  readonly lossRatio: number
  /** Milliseconds since it was added. */
  readonly ageMs: number
  /** True for the one that carries what is urgent. */
  readonly isBest: boolean
  /** False while questions on it are not answered. */
  readonly isAnswering: boolean
}

/**
 * What stands between this process and one process of a peer. Several connections may
 * carry it at once, and it outlives them: for `resumeWindowMs` the peer can come back
 * and every channel goes on.
 */
export interface Session {
  /** 64 hex characters; the same at both ends. */
  readonly id: string
  /** PROVEN by the connection. */
  readonly peerId: PeerId
  /** 32 hex characters, other ones in each process of the peer. */
  readonly instance: string
  /** Ids of the databases that both ends have proven to have. */
  readonly databases: ReadonlySet<string>
  /** False while no connection is left and the peer may come back. */
  readonly isAttached: boolean
  /** How the peer is reached now, over the best connection; `undefined` while it is not. */
  readonly path: ConnectionPath | undefined
  /** Every connection that carries it now. */
  readonly paths: readonly SessionPath[]
  /** The last measured round trip in milliseconds, on the best connection. */
  readonly rttMs: number | undefined
  /** When the session began, in milliseconds since 1970. */
  readonly sinceMs: number
  /**
   * Opens a channel at once; the first messages may go with the opening. One that
   * cannot be opened is returned as well and has ended: `ERR_NOT_MEMBER`,
   * `ERR_LIMIT`, `ERR_SESSION_CLOSED`, or `ERR_CHANNEL_REFUSED` when the peer does not take it.
   *
   * @param protocol - 1 to 64 bytes, for example `/vudo/sync/1`.
   * @throws `RangeError` for another length.
   */
  openChannel(protocol: string, options?: OpenChannelOptions): Channel
  /** Ends the session for good and tells the peer; what is queued is lost. Idempotent. */
  close(): Promise<void>
  /** Settles, never rejects, when the session has ended. */
  readonly closed: Promise<EndReason>
}
