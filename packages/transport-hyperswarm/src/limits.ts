import { MAX_MESSAGE_BYTES } from '@vudo/transport'

/** Every bound of this transport, with its unit and reason. */

/** Bytes in front of a message: a 32-bit length and the lane. */
export const FRAME_HEADER_BYTES = 5

/** Bytes that libsodium's secretstream puts around a record: a tag and a code. */
export const RECORD_BYTES = 17

/** The largest value of a frame's length field: the lane and the largest message. */
export const MAX_FRAME_BYTES: number = 1 + MAX_MESSAGE_BYTES

/**
 * What a frame costs at least, in bytes of {@link WINDOW_BYTES}: small messages take more memory
 * than their bytes, so a window holds 4,096 of them at most.
 */
export const MIN_FRAME_COST_BYTES = 256

/**
 * Bytes that may be on the way or wait to be read, each direction: 1 MiB. The library itself
 * holds nobody back (200 MB went to a reader that did not read). A frame may begin while any of
 * it is left, so one frame more can be held. A larger one is faster on long ways: 1 MiB moves
 * 20 MiB/s at a round trip of 50 ms.
 */
export const WINDOW_BYTES = 1_048_576

/** Bytes read by the application after which the far end is told: half a window, so that it need not wait. */
export const CREDIT_STEP_BYTES: number = WINDOW_BYTES / 2

/** Bytes of frames that wait for the stream and leave in one write: the size for which a receive buffer of the library is made. */
export const MAX_BATCH_BYTES = 65_536

/** Bytes that a far end may send before its greeting is complete. */
export const MAX_GREETING_BYTES = 4_096

/** Milliseconds that a closing connection waits for the far end to take the goodbye and close too. */
export const CLOSE_GRACE_MS = 1_000

/** Streams of a peer that may wait for their greeting while it is dialled; an honest peer sends one. */
export const MAX_ANSWERS = 4

/** Milliseconds that a dial which got through waits for such a stream to greet: what one that never does can cost. */
export const ANSWER_WAIT_MS = 1_000

/** Handshakes under way that have not become a connection, in all: each may hold sockets to punch holes with. */
export const MAX_PENDING_HANDSHAKES = 64

/** The same for one IP address. Peers behind one router share it. */
export const MAX_PENDING_PER_ADDRESS = 16

/** Milliseconds after which a handshake that became no connection is not counted any more: when the library gives up punching. */
export const PENDING_HANDSHAKE_MS = 10_000

/** Milliseconds that beginning to listen waits for the DHT. After that it goes on in the background: a node may start offline. */
export const LISTEN_WAIT_MS = 2_000

/** Milliseconds that taking announcements back may take, each time; they expire by themselves after 20 minutes. */
export const WITHDRAW_TIMEOUT_MS = 1_000

/** Milliseconds between two announcements of a topic, up to a fifth more by chance: half of what nodes of the DHT keep them. */
export const ANNOUNCE_INTERVAL_MS = 600_000

/**
 * Milliseconds before the second announcement, up to a fifth more by chance; doubles up to
 * {@link ANNOUNCE_INTERVAL_MS}. While a DHT begins, nodes come that are nearer to a topic than those
 * that were told of it.
 */
export const FIRST_ANNOUNCE_INTERVAL_MS = 5_000

/** Milliseconds before an announcement that failed is repeated; doubles up to {@link MAX_ANNOUNCE_RETRY_MS}, spread by a third. */
export const MIN_ANNOUNCE_RETRY_MS = 1_000

/** See {@link MIN_ANNOUNCE_RETRY_MS}. */
export const MAX_ANNOUNCE_RETRY_MS = 60_000

/**
 * Milliseconds from joining a topic to looking again, spread by a third: 0.5 to 1 s. Peers that
 * join at one moment look before anybody is announced; doubles up to {@link MAX_LOOK_DELAY_MS}.
 */
export const FIRST_LOOK_DELAY_MS = 750

/** See {@link FIRST_LOOK_DELAY_MS}: ten minutes, as Hyperswarm. */
export const MAX_LOOK_DELAY_MS = 600_000

/** How often a question to a node of the DHT is repeated: a node that is gone costs three seconds, and others were asked meanwhile. */
export const MAX_QUERY_RETRIES = 2

/** Peers in one answer of a node of the DHT at most; where it knows more it chooses by chance. */
export const FULL_REPLY_PEERS = 20

/** Questions of one lookup while answers are full and bring new peers. */
export const MAX_LOOKUP_ROUNDS = 4

/** Peers taken from one lookup. */
export const MAX_LOOKUP_PEERS = 512

/** Peers of whom it is remembered which nodes of the DHT know them; at the limit the oldest is forgotten. */
export const MAX_KNOWN_RELAYS = 512

/** Nodes remembered for one of them: what a peer announces itself. */
export const MAX_RELAYS_PER_PEER = 3

/** Bootstrap nodes in one configuration. */
export const MAX_BOOTSTRAP_NODES = 32
