/** Every bound of this package, with its unit and reason. */

/** Bytes in front of each frame: its length as an unsigned 32-bit number, big endian. */
export const FRAME_HEADER_BYTES = 4

/** The largest length that a frame header can say, in bytes. */
export const MAX_FRAME_LENGTH = 0xff_ff_ff_ff

/**
 * Bytes allocated for a frame on its claim alone: 64 KiB. A larger frame gets
 * more only as its bytes arrive, so four hostile bytes cost no more than this.
 */
export const MAX_CLAIMED_BYTES = 65_536

/** Bytes of the longest varint: 8 groups of 7 bits hold `Number.MAX_SAFE_INTEGER`. */
export const MAX_VARINT_BYTES = 8

/** Default for how deep lists and maps may lie within each other: far more than a protocol needs, far less than a call stack holds. */
export const MAX_CBOR_DEPTH = 64
