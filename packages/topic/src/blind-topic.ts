import { blake2b } from '@noble/hashes/blake2.js'
import { TOPIC_BYTES } from './derive-topic.ts'

const domain = new TextEncoder().encode('vudo/topic/blind/1')

/**
 * What one end tells the other about a topic without naming it: BLAKE2b-256, keyed
 * with the topic, of a domain tag followed by `context`. Who knows the topic computes
 * the same; who does not learns nothing but whether a guess was right.
 *
 * @param topic - 32 bytes.
 * @param context - What makes this blinding different from every other, for example both peers and a nonce.
 * @returns 32 bytes in a new buffer that belongs to the caller.
 * @throws `RangeError` when the topic has another length.
 */
export function blindTopic(topic: Uint8Array, context: Uint8Array): Uint8Array {
  assertTopic(topic)
  return blake2b.create({ dkLen: TOPIC_BYTES, key: topic }).update(domain).update(context).digest()
}

/**
 * A topic as 64 lower-case hex characters, for logs and as the key of a map.
 *
 * @throws `RangeError` when the topic does not have 32 bytes.
 */
export function topicToHex(topic: Uint8Array): string {
  assertTopic(topic)
  return Array.from(topic, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function assertTopic(topic: Uint8Array): void {
  if (topic.byteLength === TOPIC_BYTES) return
  throw new RangeError(`topic has ${topic.byteLength} bytes, expected ${TOPIC_BYTES}`)
}
