import { MAX_MESSAGE_BYTES } from '@vudo/transport'

/** Bytes in front of a message: a 32-bit length and the lane. */
export const FRAME_HEADER_BYTES = 5

/** The largest value of a frame's length field: the lane and the largest message. */
export const MAX_FRAME_BYTES: number = 1 + MAX_MESSAGE_BYTES

/**
 * Received messages that wait to be read, in bytes; above, the socket is not read
 * any more and TCP holds the far end back. One more chunk and one message may come
 * on top, because a chunk that has arrived is taken apart to its end.
 */
export const MAX_QUEUED_BYTES = 262_144

/**
 * Received messages that wait to be read. Small messages cost more than their bytes,
 * so they are counted as well.
 */
export const MAX_QUEUED_MESSAGES = 1_024

/**
 * Milliseconds that a closing connection waits for the far end to take the goodbye
 * and close too. A far end that is gone or does not read is cut off then.
 */
export const CLOSE_GRACE_MS = 1_000

/**
 * A buffer for frames that leave together, in bytes: two messages of 64 KiB with their
 * headers. A connection holds two of them at most while it sends, and none otherwise.
 */
export const LARGE_BUFFER_BYTES = 131_328

/** A buffer for frames of small messages, in bytes: one TLS record (RFC 8446 section 5.1). */
export const SMALL_BUFFER_BYTES = 16_384

/** Buffers of each size that the process keeps for the next sender. */
export const MAX_SPARE_BUFFERS = 8
