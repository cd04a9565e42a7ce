import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type CipherGCM,
  type KeyObject,
} from 'node:crypto'
import { SecureChannelError } from './errors.ts'
import { TAG_BYTES } from './limits.ts'
import { free, takeRecord } from './record-buffers.ts'

/**
 * One key and the counter of what was sealed under it (Noise section 5.1), with
 * AES-256-GCM. The counter is the nonce, so no pair of key and nonce is ever used
 * twice: everything here is synchronous, and nothing can come between reading the
 * counter and raising it.
 */
export interface CipherState {
  /**
   * Seals the concatenation of `parts` and raises the counter.
   *
   * @param associatedData - Authenticated but not contained.
   * @returns {@link TAG_BYTES} longer than the parts; `giveRecord` takes the buffer back.
   */
  encrypt(associatedData: Uint8Array, parts: readonly Uint8Array[]): Uint8Array
  /**
   * Opens what the other end sealed under the same counter. The counter rises only
   * on success.
   *
   * @returns A new buffer, {@link TAG_BYTES} shorter.
   * @throws `SecureChannelError` `ERR_CHANNEL_AUTH`.
   */
  decrypt(associatedData: Uint8Array, sealed: Uint8Array): Uint8Array
  /** Replaces the key by one that follows from it (section 4.2). The counter goes on. */
  rekey(): void
}

/**
 * The counter ends here and not at 2^64 - 2, because JavaScript counts exactly to
 * 2^53 - 1. A million records a second for 285 years.
 */
const lastNonce = Number.MAX_SAFE_INTEGER
const nothing = new Uint8Array()
const zeros = new Uint8Array(32)
/** The nonce of Rekey: 2^64 - 1, in the encoding of section 12.4. Not twelve times 0xFF. */
const rekeyNonce = new Uint8Array([0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])

/**
 * Starts to count under `key`.
 *
 * @param key - 32 bytes, copied.
 * @param firstNonce - For tests of the counter's end.
 */
export function createCipherState(key: Uint8Array, firstNonce = 0): CipherState {
  return new AesGcmState(key, firstNonce)
}

class AesGcmState implements CipherState {
  /** A KeyObject: a plain buffer as key costs 20 µs more on every message. */
  #key: KeyObject
  #count: number
  /** 32 zero bits, then the counter as 64 bits, big-endian (section 12.4). OpenSSL copies it. */
  readonly #nonce = Buffer.alloc(12)

  constructor(key: Uint8Array, firstNonce: number) {
    this.#key = createSecretKey(key)
    this.#count = firstNonce
  }

  encrypt(associatedData: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
    const nonce = this.#nextNonce()
    this.#count += 1
    return seal(this.#key, nonce, { associatedData, parts })
  }

  decrypt(associatedData: Uint8Array, sealed: Uint8Array): Uint8Array {
    const bodyBytes = sealed.length - TAG_BYTES
    if (bodyBytes < 0) throw authError(`message has ${sealed.length} bytes, less than its tag`)
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nextNonce(), {
      authTagLength: TAG_BYTES,
    })
    if (associatedData.length > 0) decipher.setAAD(associatedData)
    decipher.setAuthTag(sealed.subarray(bodyBytes))
    const plain = decipher.update(sealed.subarray(0, bodyBytes))
    try {
      decipher.final()
    } catch (cause) {
      throw authError('message is altered, replayed, reordered, or follows a missing one', cause)
    }
    this.#count += 1
    return plain
  }

  rekey(): void {
    const sealed = seal(this.#key, rekeyNonce, { associatedData: nothing, parts: [zeros] })
    this.#key = createSecretKey(sealed.subarray(0, 32))
  }

  #nextNonce(): Uint8Array {
    if (this.#count >= lastNonce) {
      throw new SecureChannelError('ERR_CHANNEL_CLOSED', `${lastNonce} messages, the last nonce`)
    }
    this.#nonce.writeUInt32BE(Math.floor(this.#count / 0x1_0000_0000), 4)
    this.#nonce.writeUInt32BE(this.#count % 0x1_0000_0000, 8)
    return this.#nonce
  }
}

interface Plaintext {
  readonly associatedData: Uint8Array
  readonly parts: readonly Uint8Array[]
}

function seal(key: KeyObject, nonce: Uint8Array, plain: Plaintext): Uint8Array {
  const cipher: CipherGCM = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  if (plain.associatedData.length > 0) cipher.setAAD(plain.associatedData)
  // One buffer from the start and one copy into it: Buffer.concat takes a third longer for 64 KiB (x86-64, Node 24).
  const sealed = takeRecord(bytesOf(plain.parts) + TAG_BYTES)
  let at = 0
  for (const part of plain.parts) {
    const bytes = cipher.update(part)
    sealed.set(bytes, at)
    free(bytes)
    at += part.length
  }
  // Gives no bytes in GCM, but the tag exists only afterwards.
  cipher.final()
  sealed.set(cipher.getAuthTag(), at)
  return sealed
}

function bytesOf(parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) sum += part.length
  return sum
}

function authError(message: string, cause?: unknown): SecureChannelError {
  return new SecureChannelError('ERR_CHANNEL_AUTH', message, { cause })
}
