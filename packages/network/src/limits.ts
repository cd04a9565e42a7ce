/** Every bound of sessions and of the network, with its unit and reason. */

/** The protocol version that this package speaks. */
export const SESSION_VERSION = 1

/** Bytes of the random number that each end puts into the hello. */
export const NONCE_BYTES = 32

/** Bytes of an instance id: two processes that share a key are told apart by it. */
export const INSTANCE_BYTES = 16

/** Bytes of a session id, a SHA-256. */
export const SESSION_ID_BYTES = 32

/** Bytes of a proof of membership, an HMAC-SHA-256. */
export const PROOF_BYTES = 32

/** Databases that one node may have joined, and proofs that one peer may show: as many as topics. */
export const MAX_DATABASES = 256

/** Bytes of a database's id in UTF-8. */
export const MAX_DATABASE_ID_BYTES = 256

/** Bytes of a database's secret, at least: less than 128 bits can be found by trying. */
export const MIN_SECRET_BYTES = 16

/** Payload bytes of a data frame: large enough that a frame's cost does not show, small enough that any path takes it. */
export const MAX_FRAME_PAYLOAD_BYTES = 65_536

/** Payload bytes of a data frame while a critical channel is open: 13 ms on a link of 10 Mbit/s. */
export const URGENT_FRAME_PAYLOAD_BYTES = 16_384

/** Room for the head of a data frame: kind, channel, sequence number, flags. */
export const FRAME_HEAD_BYTES = 32

/** The smallest message size of a transport under a session, in bytes: a list of 256 proofs has to fit. */
export const MIN_FRAME_BYTES = 16_384

/** Bytes of one message on a channel. */
export const MAX_CHANNEL_MESSAGE_BYTES = 262_144

/** Fragments of one message. */
export const MAX_FRAGMENTS = 256

/** Channels that one end may have open at a time. The other end refuses more. */
export const MAX_CHANNELS = 16

/** Bytes of a protocol's name in UTF-8. */
export const MAX_PROTOCOL_BYTES = 64

/** Bytes of an error code on the wire. */
export const MAX_CODE_BYTES = 64

/**
 * What a data frame costs of the credit besides its payload, in bytes: what it costs
 * the receiver's memory. Without it a flood of empty messages would be free.
 */
export const FRAME_COST_BYTES = 64

/** Credit of each direction of a channel before the first acknowledgement, in bytes: one full frame and some. */
export const INITIAL_CREDIT_BYTES = 131_072

/** Bytes of a channel that the receiver keeps for a slow reader; also what the sender keeps unacknowledged. */
export const CHANNEL_WINDOW_BYTES = 1_048_576

/**
 * Received or consumed bytes after which an acknowledgement does not wait any longer:
 * half of the window, because each one costs both ends a system call and a turn.
 */
export const ACK_AFTER_BYTES = 524_288

/** Unacknowledged bytes from which an acknowledgement travels with data that is going out anyway. */
export const ACK_WITH_DATA_BYTES = 16_384

/** How long an acknowledgement may wait for company, in milliseconds. */
export const ACK_DELAY_MS = 25

/** Frames that a channel may be ahead of the one expected next: bounds the table of early frames. */
export const MAX_FRAMES_AHEAD = 8_192

/** Bytes of a channel that may wait to be sent before `send` waits too: one message of the largest size. */
export const SEND_QUEUE_BYTES = 262_144

/** A channel whose queue was full takes messages again from this many bytes on: several at a time, because each wake costs a turn. */
export const SEND_RESUME_BYTES = 131_072

/** Calls of `send` that may wait on one channel; a caller that does not wait for the promise gets `ERR_LIMIT`. */
export const MAX_WAITING_SENDS = 1_024

/** Channels whose reset waits to be sent; a peer that causes more does not read its answers. */
export const MAX_PENDING_RESETS = 128

/** Unanswered pings after which a path is lost. */
export const MAX_UNANSWERED_PINGS = 3

/** A hello that is not answered within this time ends its connection, in milliseconds. */
export const HELLO_TIMEOUT_MS = 10_000

/** How long a session may stand without a database that both ends have, in milliseconds. */
export const UNSHARED_GRACE_MS = 10_000

/** How long the end of a session may take to be told to the peer, in milliseconds. */
export const GOODBYE_TIMEOUT_MS = 1_000

/** Sessions of one peer id: processes and devices that share a key. */
export const MAX_SESSIONS_PER_PEER = 8

/** One of so many connections may be of somebody who has not proven a common database. */
export const STRANGER_SHARE = 4

/** How long a stranger may take before it gives way to another, in milliseconds: several round trips of a slow link. */
export const MIN_STRANGER_MS = 2_000

/** Peers whose addresses are remembered. The one that was heard of longest ago goes first. */
export const MAX_KNOWN_PEERS = 1_024

/** Dials at one time. */
export const MAX_PARALLEL_DIALS = 8

/** How long the peer with the larger id waits for the other one to dial first, in milliseconds. */
export const YIELD_DIAL_MS = 500

/** First pause before another dial, in milliseconds; it doubles with each failure. */
export const REDIAL_FIRST_MS = 1_000

/** Longest pause before another dial, in milliseconds. */
export const REDIAL_MAX_MS = 300_000

/** First pause before another dial while a session waits for its peer, in milliseconds. */
export const RESUME_FIRST_MS = 250

/** Longest pause before another dial while a session waits for its peer, in milliseconds. */
export const RESUME_MAX_MS = 5_000

/** For how long this node's record is good, in milliseconds: a day. It is signed anew after half of it. */
export const RECORD_LIFETIME_MS = 86_400_000

/** Pause before a peer is dialled again that ended the session on purpose, in milliseconds. */
export const GOODBYE_PAUSE_MS = 30_000

/** Addresses whose peer is remembered. */
export const MAX_KNOWN_ADDRESSES = 1_024

/** Dials of one call that may be refused as duplicates before it gives up. */
export const MAX_DUPLICATE_DIALS = 5

/** How long a call waits for the session that its dial was a duplicate of, in milliseconds. */
export const DUPLICATE_WAIT_MS = 500

/** Buffers of large frames that the process keeps for the next ones: what one busy channel has under way, 1.5 MiB. */
export const MAX_POOLED_FRAMES = 24

/** Frames from this size on are put into buffers that are used again, in bytes. */
export const MIN_POOLED_BYTES = 16_384

/**
 * Lists of proofs of one peer that are compared per second; of more, the last one counts
 * and waits its turn. One list of 256 costs about 0.1 ms.
 */
export const MEMBERSHIP_LISTS_PER_SECOND = 32

/** Channels that one peer may open per second on a session; more are refused with `ERR_LIMIT`. */
export const OPENINGS_PER_SECOND = 128
