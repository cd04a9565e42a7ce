/** Every bound of this transport, with its unit and reason. */

/**
 * The largest message, in bytes: 64 KiB. Every byte crosses the border to the native
 * stack as a number of a JavaScript array, eight times its size and on the main thread.
 */
export const MAX_LINK_MESSAGE_BYTES = 65_536

/** The largest value of a frame's length field: the lane and the largest message. */
export const MAX_FRAME_BYTES: number = 1 + MAX_LINK_MESSAGE_BYTES

/** Bytes asked of the stack at a time. */
export const READ_BYTES = 65_536

/**
 * Frames that wait for the stack, in bytes: one of the largest with its header. As much
 * again is with the stack at most.
 */
export const MAX_UNSENT_BYTES: number = 4 + MAX_FRAME_BYTES

/**
 * Received messages that wait to be read, in bytes; above, the stream is not read any
 * more and QUIC holds the far end back. What one read brings may come on top.
 */
export const MAX_QUEUED_BYTES = 262_144

/** Received messages that wait to be read. Small messages cost more than their bytes, so they are counted as well. */
export const MAX_QUEUED_MESSAGES = 1_024

/** Milliseconds that a closing connection waits until the far end has read to the goodbye. It is cut off then. */
export const CLOSE_GRACE_MS = 1_000

/** Milliseconds that closing waits for the stack to let go of its sockets; it needs 3,000 where a dial is under way. */
export const STACK_CLOSE_MS = 5_000

/**
 * Milliseconds that listening waits to know which of several relays is the nearest; then
 * the first one counts. The stack needs 3,200 where a relay tells nobody its outside address.
 */
export const RELAY_WAIT_MS = 5_000

/** Relays that a node may be given. */
export const MAX_RELAYS = 8

/** Characters of a relay's URL: an address holds it, the peer id and one IP address in any case. */
export const MAX_RELAY_URL_CHARACTERS = 120

/** IP addresses in one address of a peer: each is tried, so a longer list would turn us against more machines. */
export const MAX_DIRECT_ADDRESSES = 6

/**
 * Handshakes under way from which on a stranger has to show first that it receives
 * where it claims to be (RFC 9000 section 8.1.2), which costs it a round trip.
 */
export const MAX_UNVALIDATED_HANDSHAKES = 16

/** Characters of an error of the stack that are passed on. */
export const MAX_REASON_CHARACTERS = 256
