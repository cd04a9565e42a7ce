/** Every bound of sessions and of the network, with its unit and reason. */

/** The newest version of the session protocol that this package speaks: several connections at once. */
export const SESSION_VERSION = 2

/** The oldest one: one connection at a time. */
export const MIN_SESSION_VERSION = 1

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

/** Payload bytes of a data frame while a critical channel is open and the path is slow, or not known yet: 11 ms at 3 Mbit/s. */
export const MIN_URGENT_FRAME_PAYLOAD_BYTES = 4_096

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

/** How long a start waits for ways to be found that are slower than the first one, in milliseconds. */
export const START_GRACE_MS = 500

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

/** Time whose bytes a bandwidth budget keeps for a burst, in milliseconds. */
export const BUDGET_BURST_MS = 1_000

/** Requests of one caller that may be under way to one peer; more wait their turn. */
export const MAX_REQUESTS_PER_PEER = 4

/** Requests to one peer that may wait for their turn; more are refused with `ERR_LIMIT`. */
export const MAX_WAITING_REQUESTS = 256

/** How long a request may take when nothing else was said, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 30_000

/** How long a peer may take to end its direction after its answer, in milliseconds: the end is due with the answer. */
export const REQUEST_END_MS = 250

/** Requests that one peer may make per second and protocol; more are refused. */
export const REQUESTS_PER_PEER_AND_SECOND = 64

/** Handshakes of one peer per second: each of its transports may make some at once. */
export const HANDSHAKES_PER_PEER_AND_SECOND = 16

/** For how long a peer is kept out that broke the session protocol, in milliseconds; doubles with each time. */
export const BAN_FIRST_MS = 60_000

/** For how long a peer is kept out at most, in milliseconds. */
export const BAN_MAX_MS = 3_600_000

/** Peers whose faults and handshakes are remembered. */
export const MAX_JUDGED_PEERS = 4_096

/** Addresses of one peer that the local network has named: two records full. */
export const MAX_VOUCHED_ADDRESSES = 32

/** Peers that are dialled at one time, each over several ways. */
export const MAX_PARALLEL_DIALS = 8

/** How long a better direct way is alone before the next one is tried beside it, in milliseconds: RFC 8305 section 8. */
export const HEAD_START_MS = 250

/** Dials to one peer at one time, relays included. */
export const MAX_RACE_DIALS = 4

/** Relays over which one peer is dialled at one time. */
export const MAX_RACE_RELAYS = 2

/** Pause before a relay that failed is tried again within a race, in milliseconds; only while a session waits for its peer. */
export const RELAY_RETRY_MS = 1_000

/** Ways to one peer that one race tries; of more, the best. */
export const MAX_RACE_WAYS = 24

/** Dials of this node at one time, in all: sockets that wait for an answer. */
export const MAX_DIALS_UNDER_WAY = 32

/** Dials of one address at one time: as many handshakes as a peer lets one host have open. */
export const MAX_DIALS_PER_ADDRESS = 4

/**
 * Dials per minute of one host that only signed records of unproven peers name. Who
 * names a stranger's address in a thousand records must not make us its weapon.
 */
export const UNPROVEN_DIALS_PER_HOST_AND_MINUTE = 32

/** Hosts whose dials are counted. */
export const MAX_COUNTED_HOSTS = 1_024

/** Ways whose measurements are remembered. The one that was used longest ago goes first. */
export const MAX_SCORED_PATHS = 4_096

/** After this time a failure counts half, in milliseconds. */
export const SCORE_HALF_LIFE_MS = 300_000

/** How long a second hello to a peer waits for the outcome of the first, in milliseconds. */
export const HELLO_TURN_MS = 1_000

/** After a wake or in a new network, targets are dialled spread over so many milliseconds. */
export const RESET_SPREAD_MS = 500

/** How often the clocks and the network interfaces are looked at, in milliseconds. */
export const SURROUNDINGS_INTERVAL_MS = 5_000

/** A clock that is ahead of its timer by more than this has slept, in milliseconds. */
export const SLEEP_JUMP_MS = 10_000

/** First pause before a peer that is connected over relays only is dialled directly again, in milliseconds. */
export const UPGRADE_FIRST_MS = 15_000

/** Longest pause before a peer that is connected over relays only is dialled directly again, in milliseconds. */
export const UPGRADE_MAX_MS = 300_000

/** How long the peer with the larger id waits for the other one to dial first, in milliseconds. */
export const YIELD_DIAL_MS = 500

/** First pause before another dial, in milliseconds; it doubles with each failure. */
export const REDIAL_FIRST_MS = 1_000

/** Longest pause before another dial, in milliseconds. */
export const REDIAL_MAX_MS = 300_000

/** First pause before another dial while a session waits for its peer, in milliseconds. */
export const RESUME_FIRST_MS = 250

/** Longest pause before another dial while a session waits for its peer, in milliseconds: a network that is back is to be noticed within a breath. */
export const RESUME_MAX_MS = 1_500

/**
 * How long a dial may take at first while a session waits for its peer, in milliseconds; each that
 * fails lets the next one take half as long again. What was sent into a dead network is sent again by
 * the kernel after twice as long each time, and a dial that begins anew is not.
 */
export const RESUME_DIAL_MS = 3_000

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

/** Connections that carry one session at a time; a further one is refused with `ERR_LIMIT`. */
export const MAX_PATHS = 8

/** Unacknowledged bytes that a path may have however slow it is: a frame of the largest size. */
export const MIN_PATH_WINDOW_BYTES = 65_536

/** Unacknowledged bytes that a path may have while a critical channel is open: what a new TCP connection sends at once, RFC 6928. */
export const MIN_URGENT_WINDOW_BYTES = 16_384

/** The window of a fast path does not fall below what it carries in this time, up to {@link MIN_PATH_WINDOW_BYTES}; in milliseconds. */
export const URGENT_FLOOR_MS = 20

/** Round trip below which no queue in front of urgent messages is allowed for, in milliseconds: within a machine or a house it would be all that they wait for. */
export const SHORT_ROUND_TRIP_MS = 2

/** Queue that a transfer may cause in front of urgent messages, and variation of the round trip that it withstands, in milliseconds; one round trip where that is less. */
export const MAX_URGENT_QUEUE_MS = 100

/** What a path may have unacknowledged, in parts of its bandwidth times its round trip. */
export const PATH_WINDOW_GAIN = 1.5

/** The same while the bandwidth still grows, as in BBR: the window doubles with each round trip. */
export const STARTING_WINDOW_GAIN = 2.9

/** A throughput that grows by less than this factor has reached that of the path, */
export const NOTICEABLE_GROWTH = 1.25

/** when it has not grown in so many round trips. */
export const ROUNDS_WITHOUT_GROWTH = 3

/** Round trip that a path counts with at most while nothing is urgent: so many of the shortest ones, */
export const VARIED_ROUND_TRIPS = 1.5

/** and so many milliseconds: what is above it is a queue. */
export const VARIED_ROUND_TRIP_MS = 50

/**
 * Round trip that a path counts with at least while nothing is urgent, in milliseconds:
 * what a busy event loop adds. With 0.2 ms on loopback an acknowledgement would be due
 * every 64 KiB, and each costs both ends a system call.
 */
export const MIN_COUNTED_ROUND_TRIP_MS = 5

/** Data that was not acknowledged for this long puts its path in doubt, in milliseconds; or four round trips. */
export const MIN_STALL_MS = 500

/** Round trips after which unacknowledged data puts its path in doubt. */
export const STALL_ROUND_TRIPS = 4

/** Round trip that is assumed before one was measured, in milliseconds. */
export const ASSUMED_ROUND_TRIP_MS = 250

/** For how long a measured throughput counts at most, in milliseconds. */
export const RATE_WINDOW_MS = 10_000

/** A path that was in doubt counts as lossy; half of that is forgotten after this time, in milliseconds. */
export const LOSS_HALF_LIFE_MS = 60_000

/** What a path that a third machine passes on is worse by, in milliseconds, beside half of its round trip. */
export const RELAY_PENALTY_MS = 10

/** What a path that was in doubt a moment ago is worse by, in milliseconds. */
export const LOSS_PENALTY_MS = 500

/** Another path takes over when it is better by this factor: two that are alike do not take turns. */
export const PATH_CHANGE_FACTOR = 0.8

/** And by so many milliseconds: on loopback a factor says nothing. */
export const PATH_CHANGE_MS = 1

/** How often direct paths beside the best one are measured again while a session is in use, in milliseconds: one small frame each way. */
export const REMEASURE_MS = 5_000

/** Bytes of openings, resets and lists of proofs that are under way at a time. */
export const CONTROL_QUEUE_BYTES = 32_768

/** Longest pause between two questions for credit that may have been lost, in milliseconds. */
export const MAX_ASK_PAUSE_MS = 15_000
