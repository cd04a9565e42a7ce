/**
 * The key under which a store's records lie, and its stored form: encrypted with
 * AES-256-GCM under a key that HKDF-SHA-256 derives from the program's key and 16 random
 * bytes. Those are fresh each time, so the nonce, all zero, is used once.
 */
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { StoreError } from './errors.ts'
import { headerKey } from './keys.ts'
import { STORE_KEY_BYTES } from './limits.ts'
import { deriveKey } from './record-cipher.ts'

const headerVersion = 1
const saltBytes = 16
const tagBytes = 16
const headBytes = 1 + saltBytes
const headerBytes = headBytes + STORE_KEY_BYTES + tagBytes
const nonce = new Uint8Array(12)
const purpose = new TextEncoder().encode('vudo/storage/key/1')

/** A new data key and its header. */
export function createDataKey(key: Uint8Array): {
  readonly dataKey: Uint8Array
  readonly header: Uint8Array
} {
  const dataKey = randomFillSync(new Uint8Array(STORE_KEY_BYTES))
  return { dataKey, header: wrapDataKey(key, dataKey) }
}

/**
 * The header that gives `dataKey` back for `key`.
 *
 * @param salt - 16 bytes, never twice with one key; for vectors.
 */
export function wrapDataKey(
  key: Uint8Array,
  dataKey: Uint8Array,
  salt: Uint8Array = randomFillSync(new Uint8Array(saltBytes)),
): Uint8Array {
  const header = new Uint8Array(headerBytes)
  header[0] = headerVersion
  header.set(salt, 1)
  const wrapping = wrappingKey(key, salt)
  const cipher = createCipheriv('aes-256-gcm', wrapping, nonce)
  cipher.setAAD(headerKey)
  header.set(cipher.update(dataKey), headBytes)
  cipher.final()
  header.set(cipher.getAuthTag(), headBytes + STORE_KEY_BYTES)
  wrapping.fill(0)
  return header
}

/**
 * The data key of a header, in a new buffer.
 *
 * @throws `StoreError` `ERR_STORE_KEY_WRONG`, or `ERR_STORE_UNREADABLE` for the header of another version.
 */
export function unwrapDataKey(key: Uint8Array, header: Uint8Array): Uint8Array {
  if (header.byteLength !== headerBytes || header[0] !== headerVersion) {
    throw new StoreError('ERR_STORE_UNREADABLE', 'the store is encrypted in a way not known here', {
      hint: 'use the version of the program that wrote it, or a newer one',
    })
  }
  const wrapping = wrappingKey(key, header.subarray(1, headBytes))
  const options = { authTagLength: tagBytes }
  const decipher = createDecipheriv('aes-256-gcm', wrapping, nonce, options)
  decipher.setAAD(headerKey)
  decipher.setAuthTag(header.subarray(headBytes + STORE_KEY_BYTES))
  const dataKey = new Uint8Array(decipher.update(header.subarray(headBytes, -tagBytes)))
  wrapping.fill(0)
  try {
    decipher.final()
    return dataKey
  } catch {
    throw new StoreError('ERR_STORE_KEY_WRONG', 'the store is encrypted with another key', {
      hint: 'open it with the key that it was made with, or that changeStoreKey gave it last',
    })
  }
}

function wrappingKey(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return deriveKey(key, { salt, info: purpose, length: STORE_KEY_BYTES })
}
