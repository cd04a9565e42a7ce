import { MAX_RECORD_BYTES, MAX_TOPICS } from '@vudo/transport'

/**
 * Bytes of every query. Padded to this, because nobody gets more bytes out of a node
 * than went in; it fits into one Ethernet frame with its headers.
 */
export const QUERY_BYTES = 1_400

/** Bytes of a packet, its IP and UDP headers not counted (RFC 6762 section 17). A larger one is dropped before it is decoded. */
export const MAX_PACKET_BYTES = 9_000

/** Resource records that a packet's header may announce; ours have two. With more it is dropped before it is decoded. */
export const MAX_PACKET_RECORDS = 32

/** Questions that a packet's header may announce; ours have one. With more it is dropped before it is decoded. */
export const MAX_PACKET_QUESTIONS = 8

/**
 * Bytes of packets that are decoded per second, and at once. Decoding the worst packet of
 * 9,000 bytes, names that point to names, takes milliseconds, so a flood costs a part of
 * one core; a network of 180 nodes that all ask in the same second stays below it.
 */
export const MAX_DECODED_BYTES_PER_SECOND = 262_144

/** Bytes that sealing adds to a record: a nonce of 12 and a tag of 16. */
export const SEAL_BYTES = 28

/** Bytes of a sealed record at most; longer ones are not opened. */
export const MAX_SEALED_BYTES: number = MAX_RECORD_BYTES + SEAL_BYTES

/** Bytes of one string of a TXT record (RFC 1035 section 3.3.14). */
export const TXT_STRING_BYTES = 255

/** Bytes of a tag: so many that nobody meets another's by chance. */
export const TAG_BYTES = 16

/** A tag holds for this long, in milliseconds; those of the hour before and after are understood as well. */
export const BUCKET_MS = 3_600_000

/** Topics that are announced, watched or looked up at one time. More are refused. */
export const MAX_ACTIVE_TOPICS: number = MAX_TOPICS

/** Watches and lookups at one time, over all topics. More are refused. */
export const MAX_WATCHES = 1_024

/** Records that are remembered, over all topics. The one heard longest ago goes first. */
export const MAX_KNOWN_RECORDS = 1_024

/** Seconds for which a record is remembered: the time to live of its answer (RFC 6762 section 10 has 75 minutes; peers come and go faster). */
export const ANSWER_TTL_SECONDS = 120

/** Answers to one tag in a row; then one per second. A burst lets several peers ask at the same time. */
export const ANSWER_BURST = 4

/** Answers per second to one tag, in the long run (RFC 6762 section 6). */
export const ANSWERS_PER_SECOND = 1

/** Records per second whose signatures are checked: 100 cost about 2% of one core. */
export const MAX_CHECKS_PER_SECOND = 100

/** When a watch asks, in milliseconds from its start; then once per `discoveryIntervalMs`. */
export const ASK_AT_MS: readonly number[] = [0, 250, 1_000, 3_000]

/** A newcomer tells of itself at once and again after this, in milliseconds, in case the first one was lost. */
export const ANNOUNCE_AGAIN_MS = 1_000

/** How long a lookup waits for the first answer, in milliseconds. */
export const LOOKUP_MS = 500

/** How long a lookup waits for more answers after one has come, in milliseconds. */
export const LOOKUP_QUIET_MS = 100
