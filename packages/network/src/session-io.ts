/** What goes into the core of a session and what comes out of it. */
import type { NetworkError } from './errors.ts'
import type { DatabaseKey, Membership } from './membership.ts'
import type { PriorityNumber, Snapshot } from './wire.ts'

/** What can happen to a session. */
export type SessionInput =
  /** A connection carries it now; `from` is where the peer stands when it goes on. */
  | { readonly type: 'attach'; readonly from?: Snapshot | undefined }
  /** The connection is gone. */
  | { readonly type: 'detach' }
  /** A message came in on the connection. */
  | { readonly type: 'frame'; readonly bytes: Uint8Array }
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
  /** The connection does not answer any more: close it. */
  | { readonly type: 'drop-path' }
  /** Over for good. Send what {@link SessionState.takeFrame} still gives, then close the connection. */
  | { readonly type: 'ended'; readonly error: NetworkError }

/** How a session begins. */
export interface SessionStateInit {
  /** True on the side that sent the hello. */
  readonly isDialer: boolean
  readonly membership: Membership
  /** The smaller of what both ends take, in bytes. */
  readonly maxFrameBytes: number
  readonly heartbeatIntervalMs: number
  readonly resumeWindowMs: number
  readonly unsharedGraceMs: number
  readonly nowMs: number
}
