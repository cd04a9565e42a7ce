/** Every bound of the relay, with its unit and reason. Those of {@link RelayLimits} can be set by the operator. */

/** Version of the protocol between client and relay. */
export const PROTOCOL_VERSION = 1

/** Bytes of a client's random instance id: tells two processes or tabs with one key apart. */
export const INSTANCE_BYTES = 16

/** Bytes of an end point: Ed25519 key and instance. */
export const ENDPOINT_BYTES = 48

/** Bytes of the relay's random challenge. */
export const CHALLENGE_BYTES = 32

/** Characters of the host that a client says it has dialled. */
export const MAX_HOST_CHARACTERS = 255

/** Bytes of an access token: it is compared, never parsed. */
export const MAX_TOKEN_BYTES = 512

/** Bytes of the reason in a refusal. */
export const MAX_REASON_BYTES = 200

/** Bytes of a client's proof, the first frame it sends, at most. */
export const MAX_AUTH_BYTES: number =
  1 + ENDPOINT_BYTES + 64 + 1 + MAX_HOST_CHARACTERS + 2 + MAX_TOKEN_BYTES

/** Members of a topic that one client is told of, and that are told of a newcomer: makes a crowded topic cost one frame. */
export const MAX_TOLD_MEMBERS = 256

/** Far ends of whom a client's traffic is remembered; at the limit the oldest pair is reset. */
export const MAX_PAIRS = 1_024

/** Frames of one pair that may wait for one reader: twice the credit that clients give. */
export const MAX_PAIR_FRAMES = 128

/**
 * The part of a reader's queue that is shared out: once only so much is free, a sender may have
 * no more waiting there than is free, so that those who ignore their credit leave room for who
 * sends little. Clients' credit for all far ends together ends before it.
 */
export const RESERVED_SHARE: number = 1 / 8

/** Members of other relays that are remembered, in all topics together; more are not told of. */
export const MAX_REMOTE_MEMBERS = 100_000

/** Answers and news that may wait for one reader, whatever their bytes; at the limit it is cut off. All of 512 topics, answered twice, are far below. */
export const MAX_WAITING_NOTICES = 8_192

/** How often a relay repeats its members to the others, in milliseconds. */
export const LEASE_REFRESH_MS = 20_000

/** How long a member of another relay counts without being repeated, in milliseconds: three refreshes. */
export const LEASE_MS = 60_000

/** How long to wait for the other relays' answers before a join counts as answered, in milliseconds. */
export const ANSWER_WAIT_MS = 100

/** How long a join waits for that when the back-plane is away, in milliseconds. */
export const MAX_ANSWER_WAIT_MS = 1_000

/** Calls to an access service that may be under way at one time; more are refused. */
export const MAX_ACCESS_CALLS = 64

/** How long an access service may take, in milliseconds. */
export const ACCESS_TIMEOUT_MS = 3_000

/** Bytes of an HTTP request's head. */
export const MAX_HTTP_HEAD_BYTES = 8_192

/** How long a client may take to answer a close, in milliseconds; then its socket is cut. */
export const CLOSE_TIMEOUT_MS = 3_000

/** How often limits in time are looked at, in milliseconds. */
export const SWEEP_INTERVAL_MS = 500

/** Addresses whose rate is remembered; at the limit the longest unseen is forgotten. */
export const MAX_COUNTED_ADDRESSES = 50_000

/** Connections that the kernel may hold before the relay takes them: Linux caps it at `net.core.somaxconn`. */
export const LISTEN_BACKLOG = 4_096

/** Bytes handed to a back-plane that it has not confirmed; more are lost, and their pairs reset. */
export const MAX_UNFLUSHED_BYTES = 33_554_432

/** Bytes of frames that go to another relay in one message; more begin the next one. Far below the 1 MB that NATS takes. */
export const MAX_GATHERED_BYTES = 131_072

/** Bytes after which NATS is asked to confirm. */
export const FLUSH_EVERY_BYTES = 262_144

/** Bytes of a frame of the iroh relay protocol, which its own server allows. */
export const IROH_MAX_FRAME_BYTES = 1_048_576

/** How often an iroh node is pinged, in milliseconds, as its own server does. */
export const IROH_PING_MS = 15_000

/** What an operator can set; the command line has an option of the same name for each. */
export interface RelayLimits {
  /** Authenticated connections, in all. @defaultValue 10,000 */
  readonly maxConnections: number
  /** Authenticated connections of one IP address, of IPv6 one /64. Offices share one. @defaultValue 256 */
  readonly maxConnectionsPerAddress: number
  /** Connections that have not proven a key yet; at the limit the oldest gives way. @defaultValue 1,024 */
  readonly maxHalfOpen: number
  /** The same of one IP address; the oldest of that address gives way. @defaultValue 64 */
  readonly maxHalfOpenPerAddress: number
  /** How long a connection may take to prove its key, in milliseconds. @defaultValue 5,000 */
  readonly halfOpenMs: number
  /** A connection that says nothing for so long is closed, in milliseconds. Clients ping three times in this time, or every 20 s. @defaultValue 60,000 */
  readonly idleMs: number
  /** Bytes of one frame: a full record of `secure-channel` and both headers. @defaultValue 66,048 */
  readonly maxFrameBytes: number
  /** Topics that one connection may join. @defaultValue 512 */
  readonly maxTopics: number
  /** Frames that may wait for one reader; more are dropped, and their pairs reset. @defaultValue 512 */
  readonly maxQueuedFrames: number
  /** Bytes that may wait for one reader. @defaultValue 8 MiB */
  readonly maxQueuedBytes: number
  /** Bytes per second that one connection may send; then it is read more slowly. @defaultValue 4 MiB */
  readonly bytesPerSecond: number
  /** The same of all connections of one IP address together. @defaultValue 16 MiB */
  readonly bytesPerSecondPerAddress: number
  /** Bytes per second that may pass between the members of one topic. @defaultValue 32 MiB */
  readonly bytesPerSecondPerTopic: number
  /** How long connections are let go of after SIGTERM, spread evenly, in milliseconds. @defaultValue 5,000 */
  readonly drainMs: number
}

/** The values that hold when nothing is set. */
export const DEFAULT_LIMITS: RelayLimits = {
  maxConnections: 10_000,
  maxConnectionsPerAddress: 256,
  maxHalfOpen: 1_024,
  maxHalfOpenPerAddress: 64,
  halfOpenMs: 5_000,
  idleMs: 60_000,
  maxFrameBytes: 66_048,
  maxTopics: 512,
  maxQueuedFrames: 512,
  maxQueuedBytes: 8_388_608,
  bytesPerSecond: 4_194_304,
  bytesPerSecondPerAddress: 16_777_216,
  bytesPerSecondPerTopic: 33_554_432,
  drainMs: 5_000,
}
