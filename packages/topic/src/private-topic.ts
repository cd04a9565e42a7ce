import { blake2b } from '@noble/hashes/blake2.js'
import { databaseIdToBytes, TOPIC_BYTES } from './derive-topic.ts'

/** Length of the secret of a private database: 32 bytes, so that nobody finds it by trying. */
export const TOPIC_SECRET_BYTES = 32

/**
 * The topic of a private database: BLAKE2b-256 of its id, keyed with a secret that only
 * its members hold (RFC 7693 section 2.9). Whoever guesses the id does not find the topic.
 *
 * @param databaseId - As in `deriveTopic`.
 * @param secret - 32 bytes ({@link TOPIC_SECRET_BYTES}) from a cryptographic generator. The caller keeps it.
 * @returns 32 bytes in a new buffer that belongs to the caller.
 * @throws `TypeError` and `RangeError` as `deriveTopic`, and `RangeError` when the secret has another length.
 */
export function derivePrivateTopic(
  databaseId: string | Uint8Array,
  secret: Uint8Array,
): Uint8Array {
  if (secret.byteLength !== TOPIC_SECRET_BYTES) {
    throw new RangeError(`secret has ${secret.byteLength} bytes, expected ${TOPIC_SECRET_BYTES}`)
  }
  return blake2b(databaseIdToBytes(databaseId), { dkLen: TOPIC_BYTES, key: secret })
}
