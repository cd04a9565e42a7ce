/** Every bound of this transport, with its unit and reason. Those of the relay are in `@vudo/relay`. */

/** Version of the protocol between client and relay. */
export const PROTOCOL_VERSION = 1

/** Bytes of the random instance id that tells two processes or tabs with one key apart. */
export const INSTANCE_BYTES = 16

/** Bytes of an end point: Ed25519 key and instance. */
export const ENDPOINT_BYTES = 48

/** Bytes of a virtual connection's random id. */
export const PIPE_ID_BYTES = 8

/** Bytes of one message of a pipe: what one record of `secure-channel` may have. A relay with a smaller frame lowers it. */
export const MAX_PIPE_MESSAGE_BYTES = 65_535

/** Bytes of the smallest frame that a relay may want: the handshake has to fit, with both headers. */
export const MIN_FRAME_BYTES = 1_024

/** Bytes of the largest frame that is taken from a relay. */
export const MAX_FRAME_BYTES = 1_048_576

/** Relays that one node may be given: each costs a socket, and every address record has room for 16. */
export const MAX_RELAYS = 4

/** Characters of a relay's host and port: an address holds them, the peer id and the instance. */
export const MAX_HOST_CHARACTERS = 140

/** Bytes of an access token. */
export const MAX_TOKEN_BYTES = 512

/** Members of one topic that are remembered for each relay; at the limit the oldest is forgotten. */
export const MAX_KNOWN_MEMBERS = 1_000

/** Virtual connections at one relay, in all; more are refused. */
export const MAX_PIPES = 512

/** Virtual connections with one end point that it may have opened up to: two nodes need one, and a second while the first ends. */
export const MAX_PIPES_PER_ENDPOINT = 8

/** Frames that both ends may send before they have been given any credit: a handshake, and a word more. */
export const INITIAL_CREDIT_FRAMES = 8

/** Bytes of those. */
export const INITIAL_CREDIT_BYTES = 8_192

/** Frames that a pipe's far end may have under way: half of what a relay holds for one pair. */
export const MAX_CREDIT_FRAMES = 64

/** Frames that all far ends together may have under way, where they are many: below the 512 that a relay holds for one reader. */
export const MAX_ALL_CREDIT_FRAMES = 448

/** Pipes for whose first words, and one message of each, room is kept in these sums: what is given cannot be taken back. */
export const RESERVED_PIPES = 24

/** Frames that every far end is given, however many there are. */
export const MIN_CREDIT_FRAMES = 4

/** Bytes that a pipe's far end may have under way: with 50 ms between the ends that is 10 MiB per second. */
export const MAX_CREDIT_BYTES = 524_288

/** Bytes that all far ends together may have under way, where they are many: below the 8 MiB that a relay holds for one reader. */
export const MAX_ALL_CREDIT_BYTES = 6_291_456

/** Bytes waiting in our own socket above which sends wait. */
export const MAX_SOCKET_BYTES = 1_048_576

/** How often a socket that cannot tell is asked whether it has drained, in milliseconds: browsers only. */
export const DRAIN_POLL_MS = 4

/** How long a relay may take from the first byte to its welcome, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 10_000

/** How long a relay may take to answer a close before the socket counts as gone, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 500

/** How long `listen` waits for the first relay; then it goes on in the background, in milliseconds. */
export const LISTEN_WAIT_MS = 3_000

/** How long a lookup waits for a relay and its answer, in milliseconds. */
export const LOOKUP_WAIT_MS = 3_000

/** Longest time between two pings, in milliseconds; a relay that closes silent clients sooner is pinged three times within its limit. */
export const PING_INTERVAL_MS = 20_000

/** For how long what is sent may go unanswered before the relay is asked whether it is there, in milliseconds. */
export const QUIET_MS = 2_000

/** For how long what is sent may go unanswered before another connection is begun beside this one, in milliseconds. */
export const SILENT_MS = 3_000

/** Pause before another connection is begun beside those that wait, in milliseconds, of which up to a half less by chance; only while somebody waits for the relay. */
export const BESIDE_MS = 2_000

/** Connections to one relay that wait to be let in at one time. */
export const MAX_CALLS = 4

/** For how long after a loss it is hurried to be let in again, in milliseconds: a relay that many have lost is to get up again. */
export const HURRY_MS = 60_000

/** Longest wait before an attempt while it is hurried, in milliseconds. */
export const MAX_HURRIED_PAUSE_MS = 1_000

/** How long a relay may say nothing at all after a ping before it counts as gone, in milliseconds. */
export const PONG_TIMEOUT_MS = 10_000

/** Wait before the first attempt to reach a relay again, in milliseconds; doubles with each failure. */
export const MIN_RECONNECT_MS = 100

/** Longest wait before an attempt to reach a relay again, in milliseconds. */
export const MAX_RECONNECT_MS = 30_000

/** A relay that kept us for so long was well: the wait begins anew, in milliseconds. */
export const STABLE_MS = 5_000
