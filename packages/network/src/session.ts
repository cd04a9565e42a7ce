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

/**
 * What stands between this process and one process of a peer. It outlives its
 * connection: for `resumeWindowMs` the peer can come back and every channel goes on.
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
  /** False while the connection is lost and the peer may come back. */
  readonly isAttached: boolean
  /** How the peer is reached now; `undefined` while it is not. */
  readonly path: ConnectionPath | undefined
  /** The last measured round trip in milliseconds. */
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
