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

/** Bytes of sent messages that may wait for the socket before `send` waits: four TLS records. */
export const MAX_UNSENT_BYTES = 65_536

/**
 * Messages of up to this many bytes are copied behind their header into a buffer of
 * their own, so that many can wait for one system call; 16 KiB is one TLS record.
 */
export const SMALL_MESSAGE_BYTES = 16_379

/**
 * The buffer in which a larger message gets its header, in bytes: five TLS records, so
 * that a message of 64 KiB fits. Each connection that sends large messages keeps one.
 */
export const SCRATCH_BYTES = 81_920
