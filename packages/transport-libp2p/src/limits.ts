/** Every bound of this transport, with its unit and reason. */
import { MAX_MESSAGE_BYTES } from '@vudo/transport'

/** Bytes in front of a message: a 32-bit length and the lane. */
export const FRAME_HEADER_BYTES = 5

/** The largest value of a frame's length field: the lane and the largest message. */
export const MAX_FRAME_BYTES: number = 1 + MAX_MESSAGE_BYTES

/**
 * What each end may have under way and unread at the other, in bytes of messages and
 * `MESSAGE_OVERHEAD_BYTES` for each: 2 MiB, so that two of the largest messages fit almost.
 */
export const WINDOW_BYTES = 2_097_152

/** What a message costs besides its bytes: a queue of small ones takes more memory than they have bytes. */
export const MESSAGE_OVERHEAD_BYTES = 64

/** Bytes that have been read before the far end is told: rarely enough to cost nothing, early enough never to make it wait. */
export const CREDIT_STEP_BYTES = 524_288

/** Bytes of a credit: a 32-bit number. */
export const CREDIT_BYTES = 4

/**
 * A buffer for frames that leave together, in bytes: with the 12 bytes that Yamux puts in
 * front exactly four pieces of Noise, which encrypts 65,519 bytes at a time.
 */
export const LARGE_BUFFER_BYTES = 262_064

/** Large buffers that a link keeps for what it sends next, while it sends: as many as its window fills. */
export const MAX_SPARE_BUFFERS = 8

/** Memory below this size is left to the garbage collector: what frees it costs more than it saves. */
export const MIN_FREED_BYTES = 16_384

/** From this size on Node's cipher is faster than the one that the stack brings as WebAssembly; by the stack's own measurement. */
export const MIN_NODE_CIPHER_BYTES = 1_200

/** A buffer for frames of small messages, in bytes. */
export const SMALL_BUFFER_BYTES = 16_384

/** What the far end may send on any stream ahead of us, in bytes; what the read buffer of the stack takes. */
export const MAX_STREAM_WINDOW_BYTES = 4_194_304

/** Streams that one connection may have open at one time, each way: a link, and the questions of a DHT. */
export const MAX_STREAMS_PER_CONNECTION = 128

/** Links that one connection may carry at one time, each way: one, and one that is about to replace it. */
export const MAX_LINKS_PER_CONNECTION = 2

/** Milliseconds that a closing link waits for the far end to take the goodbye and close too. */
export const CLOSE_GRACE_MS = 1_000

/** Milliseconds that closing a node of the stack may take until its sockets are left to the process. */
export const STOP_TIMEOUT_MS = 5_000

/** Connections of the stack above `maxConnections`: those without a link, which the DHT and relays need. */
export const SPARE_CONNECTIONS = 128

/**
 * Connections that the stack always has room for: each new one pushes out an old one of whoever has
 * most, because the stack itself turns away whoever comes last.
 */
export const FREE_CONNECTIONS = 32

/** Connections of one key: one for each way to it, some that are about to be replaced, and the trials of AutoNAT. */
export const MAX_CONNECTIONS_PER_PEER = 8

/** Handshakes under way with one IP address; half of all, so that nobody alone shuts the door. */
export const MAX_HALF_OPEN_PER_HOST = 32

/** How many times `maxNewConnectionsPerSecond` the stack takes of one IP address: DHT questions come over connections of their own. */
export const STACK_RATE_FACTOR = 4

/** Connections that are dialled at one time. */
export const MAX_PARALLEL_DIALS = 32

/** Dials that wait for their turn; more are refused. */
export const MAX_WAITING_DIALS = 256

/** Addresses of one peer that are tried. */
export const MAX_ADDRESSES_PER_DIAL = 16

/** Milliseconds after which a connection that carries neither a link nor a question to the DHT nor a relayed connection is closed. */
export const IDLE_CONNECTION_MS = 30_000

/** Time between two searches for idle connections, in milliseconds. */
export const IDLE_SWEEP_MS = 10_000

/** Time between two pings on every connection, in milliseconds. A peer that does not answer is cut off. */
export const PING_INTERVAL_MS = 30_000

/** Shortest time a ping may take before the connection counts as dead, in milliseconds: a bulk transfer may be in front of it. */
export const PING_TIMEOUT_MS = 15_000

/** Bytes of all our addresses together: they have to fit into a peer record of 1,000 bytes beside those of other transports. */
export const MAX_LISTED_ADDRESS_BYTES = 600

/** Bytes of one value in the memory of the stack; larger ones are refused. */
export const MAX_STORED_VALUE_BYTES = 16_384

/** Bytes of a key in the memory of the stack. */
export const MAX_STORED_KEY_CHARACTERS = 512

/** Entries that the stack keeps for others: provider records, peer records and peers, of each kind. At the limit the oldest of whoever has most goes. */
export const MAX_STORED_ENTRIES = 8_192

/** Peers that a lookup takes; a flood of providers ends there. */
export const MAX_PROVIDERS_PER_LOOKUP = 256

/** Milliseconds until a bootstrap node that was reached has to have shown that it belongs to the DHT. */
export const DHT_JOIN_TIMEOUT_MS = 5_000

/** Time between two looks whether it has, in milliseconds. */
export const DHT_JOIN_POLL_MS = 20

/** Milliseconds that the first walk to our neighbours in the DHT may hold up whoever waits for it. */
export const DHT_WALK_TIMEOUT_MS = 2_000

/** Milliseconds that one question to the DHT may take. */
export const DHT_QUERY_TIMEOUT_MS = 20_000

/** Milliseconds that one announcement to the DHT may take: it walks first and tells up to 20 nodes then. */
export const DHT_ANNOUNCE_TIMEOUT_MS = 60_000

/** Wait before an announcement, a bootstrap or a reservation that failed is tried again, in milliseconds; doubles each time. */
export const MIN_RETRY_MS = 1_000

/** Longest wait before the next try, in milliseconds. */
export const MAX_RETRY_MS = 300_000

/** Time between two announcements of a topic, in milliseconds: nodes of the DHT come and go, and the record is theirs to lose. */
export const REANNOUNCE_MS = 600_000

/**
 * Wait before the second announcement, in milliseconds; doubles up to `REANNOUNCE_MS`. While a
 * network begins, nodes come that are nearer to a topic than those that were told of it.
 */
export const FIRST_REANNOUNCE_MS = 5_000

/** When a joined topic is looked up besides the swarm's rounds, in milliseconds after joining: peers that join together announce together. */
export const EARLY_LOOKUPS_MS: readonly number[] = [500, 1_500, 3_500, 8_000]

/** Peers found that wait to be taken; at the limit the oldest goes. */
export const MAX_NEWS = 256

/** Reservations that our relay service gives at one time. */
export const RELAY_MAX_RESERVATIONS = 128

/** Milliseconds that a connection over our relay service may live. */
export const RELAY_DURATION_MS = 3_600_000

/** Bytes that a connection over our relay service may carry, both directions together: 128 MiB. */
export const RELAY_DATA_BYTES = 134_217_728n

/** Milliseconds that a relay may take to give us a reservation. */
export const RESERVATION_TIMEOUT_MS = 5_000

/** Milliseconds that our relay service may take to connect two. */
export const RELAY_HOP_TIMEOUT_MS = 10_000

/** Relayed connections that one connection to a relay may bring at one time, each way. */
export const MAX_RELAYED_PER_RELAY = 128

/** Questions of the DHT that others may have open on one connection at one time. */
export const DHT_MAX_INBOUND_STREAMS = 32

/** Questions of the DHT that we have open on one connection at one time. */
export const DHT_MAX_OUTBOUND_STREAMS = 64

/** Milliseconds that a question of the DHT may take to arrive. */
export const DHT_MESSAGE_TIMEOUT_MS = 10_000

/** Bytes of a message in which a peer introduces itself, or asks whether it can be reached. */
export const MAX_INTRODUCTION_BYTES = 8_192

/** Addresses of ours that we believe others to have seen. */
export const MAX_OBSERVED_ADDRESSES = 10

/** Streams of each service besides, one connection and each way. */
export const MAX_SERVICE_STREAMS = 2

/** Nodes that are asked at one time whether we can be reached, one stream each. */
export const MAX_AUTONAT_QUESTIONS = 20

/** Milliseconds that a trial whether a peer can be reached may take: it dials. */
export const AUTONAT_TIMEOUT_MS = 30_000

/** Tries of a hole punch. */
export const HOLE_PUNCH_TRIES = 3
