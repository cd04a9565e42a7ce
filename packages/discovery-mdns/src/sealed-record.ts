/**
 * Peer records on the local network are sealed with a key that follows from the topic:
 * a peer id lives long, and who listens without knowing the topic shall not learn that
 * it is here. The signature inside proves the peer; the seal proves only the topic.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { blindTopic } from '@vudo/topic'
import type { Topic } from '@vudo/transport'
import { MAX_SEALED_BYTES, SEAL_BYTES } from './limits.ts'

const cipher = 'aes-256-gcm'
const keyContext = Buffer.from('vudo/mdns/1/record')
const nonceBytes = 12
const tagBytes = 16

/** What a sealed record belongs to; opening it as anything else fails. */
export interface SealOf {
  /** Under which name it is sent: 32 hex characters. */
  readonly tag: string
  /** True when the record is taken back. */
  readonly isGoodbye: boolean
}

/** The 32-byte key of a topic's records. */
export function recordKey(topic: Topic): Uint8Array {
  return blindTopic(topic, keyContext)
}

/**
 * Seals a record (AES-256-GCM, NIST SP 800-38D).
 *
 * @param record - The caller keeps it.
 * @returns A random nonce of 12 bytes, the record encrypted, and a tag of 16 bytes.
 */
export function sealRecord(key: Uint8Array, record: Uint8Array, of: SealOf): Uint8Array {
  const nonce = randomBytes(nonceBytes)
  const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes })
  sealing.setAAD(belonging(of))
  return Buffer.concat([nonce, sealing.update(record), sealing.final(), sealing.getAuthTag()])
}

/** The record inside, in a new buffer; `undefined` for whatever this topic's key has not sealed for this tag. */
export function openRecord(
  key: Uint8Array,
  sealed: Uint8Array,
  of: SealOf,
): Uint8Array | undefined {
  if (sealed.length <= SEAL_BYTES || sealed.length > MAX_SEALED_BYTES) return undefined
  const end = sealed.length - tagBytes
  const nonce = sealed.subarray(0, nonceBytes)
  const opening = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes })
  opening.setAAD(belonging(of)).setAuthTag(sealed.subarray(end))
  try {
    const record = opening.update(sealed.subarray(nonceBytes, end))
    opening.final()
    return new Uint8Array(record)
  } catch {
    // A wrong tag is what it throws for, and all that a stranger can bring about.
    return undefined
  }
}

function belonging({ tag, isGoodbye }: SealOf): Uint8Array {
  return Buffer.concat([Buffer.from(tag, 'hex'), Buffer.of(isGoodbye ? 1 : 0)])
}
