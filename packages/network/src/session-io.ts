/** What goes into the core of a session and what comes out of it. */
import type { NetworkError } from './errors.ts'
import type { DatabaseKey, Membership } from './membership.ts'
import type { PathInfo } from './path-state.ts'
import type { PriorityNumber, Snapshot } from './wire.ts'

/** What can happen to a session. */
export type SessionInput =
  /**
   * One more connection carries it; `from` is where the peer stands, unless the session
   * begins with it. {@link SessionState.lastPath} is its number.
   */
  | { readonly type: 'attach'; readonly from?: Snapshot | undefined }
  /** What kind of connection a path is; to be said before anything goes over it. */
  | { readonly type: 'describe'; readonly path: number; readonly info: PathInfo }
  /** A connection is gone. */
  | { readonly type: 'detach'; readonly path: number }
  /** A connection is not wanted any more: it is closed once what it carries has arrived. */
  | { readonly type: 'retire'; readonly path: number }
  /** Another network, or awake after sleep: no path is believed until it answers. */
  | { readonly type: 'doubt' }
  /** A message came in on a connection. */
  | { readonly type: 'frame'; readonly path: number; readonly bytes: Uint8Array }
  /** {@link SessionState.wakeAtMs} has come. */
  | { readonly type: 'timer' }
  /** Open channel number {@link SessionState.nextChannel}. */
  | {
      readonly type: 'open'
      readonly protocol: string
      readonly priority: PriorityNumber
      readonly database: string | undefined
    }
  | { readonly type: 'send'; readonly channel: number; readonly message: Uint8Array }
  | { readonly type: 'end'; readonly channel: number }
  | { readonly type: 'reset'; readonly channel: number; readonly code: string }
  /** The application has read a message that had this cost. */
  | { readonly type: 'consume'; readonly channel: number; readonly cost: number }
  | { readonly type: 'join'; readonly database: DatabaseKey }
  | { readonly type: 'leave'; readonly databaseId: string }
  /** The peer's proofs came with its welcome. */
  | { readonly type: 'show'; readonly proofs: readonly Uint8Array[] }
  /** End the session for good and tell the peer why. */
  | { readonly type: 'close'; readonly error: NetworkError }

/** What the driver has to do about it, in order. */
export type SessionEffect =
  | {
      readonly type: 'message'
      readonly channel: number
      readonly bytes: Uint8Array
      readonly cost: number
    }
  /** The peer opened a channel. */
  | {
      readonly type: 'open'
      readonly channel: number
      readonly protocol: string
      readonly priority: PriorityNumber
      readonly database: string | undefined
    }
  /** The peer sends no more on the channel. */
  | { readonly type: 'end'; readonly channel: number }
  /** The channel is over; without an error, both ends ended it and everything arrived. */
  | {
      readonly type: 'closed'
      readonly channel: number
      readonly error?: NetworkError | undefined
    }
  /** The channel may take messages again. */
  | { readonly type: 'writable'; readonly channel: number }
  | { readonly type: 'shared'; readonly databaseId: string }
  | { readonly type: 'unshared'; readonly databaseId: string }
  /** The connection does not answer any more, or is one too many: close it. */
  | { readonly type: 'drop-path'; readonly path: number; readonly isLost: boolean }
  /** Another path carries what is urgent now. */
  | { readonly type: 'best-path'; readonly path: number }
  /** No path answers: another connection may. Told once, until one answers again. */
  | { readonly type: 'silent' }
  /** Over for good. Send {@link SessionState.takeGoodbye} on every connection, then close them. */
  | { readonly type: 'ended'; readonly error: NetworkError }

/** How a session begins. */
export interface SessionStateInit {
  /** 2 where both ends speak it: several connections at a time. */
  readonly version: number
  /** True on the side that sent the hello. */
  readonly isDialer: boolean
  /** True when this node's key is the smaller one: of two connections its own dial stands. */
  readonly isSmaller: boolean
  readonly membership: Membership
  /** The smaller of what both ends take, in bytes. */
  readonly maxFrameBytes: number
  readonly heartbeatIntervalMs: number
  readonly resumeWindowMs: number
  readonly unsharedGraceMs: number
  readonly nowMs: number
}
