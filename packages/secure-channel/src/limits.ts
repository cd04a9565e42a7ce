/** Every bound of a secure channel, with its unit and reason. */

/** Bytes of an AES-GCM tag: 16, the full length, so that forging one takes 2^128 tries. */
export const TAG_BYTES = 16

/** Bytes of the largest Noise message, tag included (Noise specification section 3). */
export const MAX_NOISE_MESSAGE_BYTES = 65_535

/** Bytes that a record adds to its body: the type byte and the tag. */
export const RECORD_OVERHEAD_BYTES: number = 1 + TAG_BYTES

/** Bytes of a node's proof of its key inside the handshake: Ed25519 public key and signature. */
export const IDENTITY_BYTES = 96

/** Bytes of the three handshake messages, in order; any other length is refused before a key is touched. */
export const HANDSHAKE_MESSAGE_BYTES: readonly [32, 192, 160] = [32, 192, 160]

/** Records that one message may be cut into: bounds what a peer can make us join. */
export const MAX_FRAGMENTS = 256

/** Bytes of a control message: 256 topics of 32 bytes, the most that one peer may claim. */
export const MAX_CONTROL_BYTES = 8_192

/** Messages in one packed record: bounds the objects that 64 KiB from a peer can turn into. */
export const MAX_PACKED_MESSAGES = 1_024

/** Messages above this many bytes travel alone: copying more costs as much as the record that packing saves. */
export const MAX_PACKED_MESSAGE_BYTES = 16_384

/** Sends that may wait at once. One more is refused with `ERR_LIMIT`: its caller ignores back-pressure. */
export const MAX_QUEUED_SENDS = 16_384

/** Bytes of sends that may wait at once, 64 MiB; one more is refused with `ERR_LIMIT`. */
export const MAX_QUEUED_BYTES = 67_108_864

/** Bytes of received messages above which the next record is not read until the application has taken some. */
export const MAX_WAITING_BYTES = 65_536

/** Received messages at which the next record is not read until the application has taken some. */
export const MAX_WAITING_MESSAGES = 1_024

/** How long `close` waits for the far end's goodbye, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 1_000

/** Records under one key and direction. TLS 1.3 allows 2^24.5 (RFC 8446 section 5.5). */
export const REKEY_RECORDS = 1_048_576

/** Sealed bytes under one key and direction: 1 GiB, so that a leaked key opens no more. */
export const REKEY_BYTES = 1_073_741_824

/** How long a Noise static key lives, in milliseconds: 24 hours. */
export const STATIC_KEY_LIFETIME_MS = 86_400_000

/** How long a signed peer record is valid, in milliseconds: 24 hours. */
export const RECORD_LIFETIME_MS = 86_400_000

/** Records from this size on are written into buffers that are used again, in bytes. */
export const MIN_REUSED_RECORD_BYTES = 4_096

/** Buffers for sealed records that the process keeps for the next ones: half a megabyte. */
export const MAX_SPARE_RECORDS = 8
