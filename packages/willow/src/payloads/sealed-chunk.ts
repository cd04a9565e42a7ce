import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Bytes of a payload's key: AES-256. */
export const PAYLOAD_KEY_BYTES = 32
/** Bytes of the nonce in front of each sealed piece. */
export const NONCE_BYTES = 12
/** Bytes of the tag behind it. */
const tagBytes = 16
/** What sealing adds to a piece. */
export const SEAL_BYTES: number = NONCE_BYTES + tagBytes

/**
 * A piece of a payload under AES-256-GCM: nonce, ciphertext, tag. The index is
 * authenticated, so pieces cannot change places. The nonce is random and not the index: after
 * a crash the same index is written again, perhaps with other bytes.
 */
export function sealChunk(key: Uint8Array, index: number, chunk: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associatedData(index))
  const sealed = new Uint8Array(chunk.length + SEAL_BYTES)
  sealed.set(nonce)
  sealed.set(cipher.update(chunk), NONCE_BYTES)
  cipher.final()
  sealed.set(cipher.getAuthTag(), NONCE_BYTES + chunk.length)
  return sealed
}

/** Undoes {@link sealChunk}, in a new buffer; `undefined` when anything was altered. */
export function openChunk(
  key: Uint8Array,
  index: number,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < SEAL_BYTES) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(associatedData(index))
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  const chunk = new Uint8Array(decipher.update(sealed.subarray(NONCE_BYTES, -tagBytes)))
  try {
    // Only now is anything proven.
    decipher.final()
    return chunk
  } catch {
    return undefined
  }
}

const purpose = new TextEncoder().encode('vudo willow payload 1')

function associatedData(index: number): Uint8Array {
  const data = new Uint8Array(purpose.length + 8)
  data.set(purpose)
  new DataView(data.buffer).setBigUint64(purpose.length, BigInt(index))
  return data
}
