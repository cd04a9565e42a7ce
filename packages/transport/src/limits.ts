/** Every bound that holds for all transports, with its unit and reason. */

/** Bytes of a topic: the digest size of BLAKE2b-256. */
export const TOPIC_BYTES = 32

/** Bytes of an Ed25519 public key, of which a peer id is the lower-case hex. */
export const PEER_KEY_BYTES = 32

/**
 * The largest message of any transport, in bytes: 1 MiB. Some hosts close a
 * socket at more, and one message has to fit into memory many times over.
 */
export const MAX_MESSAGE_BYTES = 1_048_576

/** Topics that one node may have joined, and that one peer may claim: bounds the table a peer can make us keep. */
export const MAX_TOPICS = 256

/** Addresses in a peer record. */
export const MAX_RECORD_ADDRESSES = 16

/** Bytes of a signed, encoded peer record: it has to fit into one DNS packet beside others. */
export const MAX_RECORD_BYTES = 1_000

/** Characters of an address: longer ones are refused before they are parsed. */
export const MAX_ADDRESS_CHARACTERS = 255

/** Connections that may wait for the end of their handshake, in all: strangers cost memory and a key agreement each. */
export const MAX_HALF_OPEN = 64

/** Connections of one IP address that may wait for the end of their handshake. */
export const MAX_HALF_OPEN_PER_ADDRESS = 4

/** A handshake that takes longer is cut off, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 5_000

/** Bytes that a peer may send before its handshake is complete, in all (TLS certificates not counted: node bounds those). */
export const MAX_HANDSHAKE_BYTES = 4_096

/** How long a connection may live without a topic that both ends joined, in milliseconds. */
export const UNSHARED_GRACE_MS = 10_000

/** Characters of a text that came from a peer and goes into a message or a log. */
export const MAX_PEER_TEXT_CHARACTERS = 256
