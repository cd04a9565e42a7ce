/** Every bound of this package, with its unit and reason. */

/** Bytes of an Ed25519 or X25519 seed, and of a database secret. */
export const SEED_BYTES = 32

/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64

/** Characters of a signature's tag. */
export const MAX_TAG_CHARACTERS = 64

/** Public keys kept ready for verifying; importing one costs about 40 µs, and one fills about 1 KiB. */
export const MAX_CACHED_KEYS = 256

/** How far ahead a peer record may expire, in milliseconds: 7 days. A stolen or stale record does harm no longer than this. */
export const MAX_RECORD_LIFETIME_MS = 604_800_000

/** Bytes of a message to be sealed: 1 MiB, as for any message. */
export const MAX_SEALED_PLAINTEXT_BYTES = 1_048_576

/** Sealing keys that were replaced and still open messages. */
export const MAX_OLD_SEALING_KEYS = 2

/** How long a replaced sealing key still opens messages, in milliseconds: as long as a record that names it may live. */
export const SEALING_KEY_GRACE_MS = 604_800_000

/** Characters of a ticket: what still fits into one QR code and one chat message. */
export const MAX_TICKET_CHARACTERS = 1_024

/** Peers in a ticket. */
export const MAX_TICKET_PEERS = 8

/** Bytes of a database id in a ticket, as UTF-8. */
export const MAX_DATABASE_ID_BYTES = 255

/** Characters of a role in a ticket. */
export const MAX_ROLE_CHARACTERS = 32

/** Bytes of a key file: ours have about 120. */
export const MAX_KEY_FILE_BYTES = 1_024
