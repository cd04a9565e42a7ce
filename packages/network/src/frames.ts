/**
 * The frames of a session as values: what each kind says. How they look on the wire is in
 * `wire.ts` and in docs/wire-formats/session.md.
 */

/** The first byte of every frame. */
export const frameKind = {
  hello: 0x01,
  welcome: 0x02,
  refused: 0x03,
  confirm: 0x04,
  membership: 0x05,
  ping: 0x06,
  pong: 0x07,
  goodbye: 0x08,
  ask: 0x09,
  open: 0x10,
  data: 0x11,
  end: 0x12,
  reset: 0x13,
  ack: 0x14,
  dataAsking: 0x15,
} as const

/** What comes first of all channels: 0 critical, 1 high, 2 normal, 3 low. */
export type PriorityNumber = 0 | 1 | 2 | 3

/** How far one end has received a channel, and how far it will. */
export interface ChannelPosition {
  readonly channel: number
  /** The sequence number it expects next. */
  readonly next: number
  /** The offset up to which it takes data, counted from the channel's beginning. */
  readonly credit: number
}

/** Where one end stands when its session is to go on. */
export interface Snapshot {
  /**
   * Higher than in every snapshot that this end took before. Two connections may be
   * under way at once; what comes late on the older one must not count.
   */
  readonly number: number
  readonly positions: readonly ChannelPosition[]
}

/** A session that the dialer wants to go on with. */
export interface ResumeOffer extends Snapshot {
  readonly sessionId: Uint8Array
}

/** What the dialer says first. */
export interface HelloFrame {
  readonly kind: typeof frameKind.hello
  readonly minVersion: number
  readonly maxVersion: number
  readonly nonce: Uint8Array
  readonly instance: Uint8Array
  /** The largest message that every one of its transports takes. */
  readonly maxFrameBytes: number
  readonly resume: ResumeOffer | undefined
  /** Its signed peer record, or nothing. */
  readonly record: Uint8Array
}

/** A hello of a version that we do not speak: the rest of it is not read. */
export interface ForeignHelloFrame {
  readonly kind: 'foreign-hello'
  readonly minVersion: number
  readonly maxVersion: number
}

/** The answer of the acceptor. */
export interface WelcomeFrame {
  readonly kind: typeof frameKind.welcome
  readonly version: number
  readonly nonce: Uint8Array
  readonly instance: Uint8Array
  readonly maxFrameBytes: number
  /** Where the acceptor stands when the session goes on; `undefined` when a new one begins. */
  readonly resumed: Snapshot | undefined
  /** Its proofs of membership when a new session begins. */
  readonly proofs: readonly Uint8Array[]
  readonly record: Uint8Array
}

/** Frames whose only content is a code. */
export interface CodeFrame {
  readonly kind: typeof frameKind.refused | typeof frameKind.goodbye
  readonly code: string
}

/** All proofs of membership that the sender shows now; replaces what it showed before. */
export interface ProofsFrame {
  readonly kind: typeof frameKind.confirm | typeof frameKind.membership
  readonly proofs: readonly Uint8Array[]
}

/** A question for a sign of life, and its answer. */
export interface TimeFrame {
  readonly kind: typeof frameKind.ping | typeof frameKind.pong
  /** The clock of whoever asked, in milliseconds. */
  readonly timestampMs: number
}

/** Opens a channel; sequence number 0. */
export interface OpenFrame {
  readonly kind: typeof frameKind.open
  readonly channel: number
  readonly protocol: string
  readonly priority: PriorityNumber
  /** The opener's proof of membership of the channel's database; empty when it belongs to none. */
  readonly proof: Uint8Array
}

/** Asks where the receiver stands: it acknowledges every channel. */
export interface AskFrame {
  readonly kind: typeof frameKind.ask
}

/** A fragment of a message. */
export interface DataFrame {
  /** `dataAsking` when it is to be acknowledged at once. */
  readonly kind: typeof frameKind.data | typeof frameKind.dataAsking
  readonly channel: number
  readonly sequence: number
  /** True when more fragments of the same message follow. */
  readonly hasMore: boolean
  readonly payload: Uint8Array
}

/** The sender sends no more on the channel. */
export interface EndFrame {
  readonly kind: typeof frameKind.end
  readonly channel: number
  readonly sequence: number
}

/** Ends a channel at once. */
export interface ResetFrame {
  readonly kind: typeof frameKind.reset
  readonly channel: number
  readonly code: string
}

/** How far a channel was received, and how far it will be. */
export interface AckFrame extends ChannelPosition {
  readonly kind: typeof frameKind.ack
}

/** Everything that can be in a message of a connection. */
export type Frame =
  | HelloFrame
  | ForeignHelloFrame
  | WelcomeFrame
  | CodeFrame
  | ProofsFrame
  | TimeFrame
  | AskFrame
  | OpenFrame
  | DataFrame
  | EndFrame
  | ResetFrame
  | AckFrame
