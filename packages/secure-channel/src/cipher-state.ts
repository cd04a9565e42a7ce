import { createAesGcmKey } from '#crypto'
import { SecureChannelError } from './errors.ts'
import { TAG_BYTES } from './limits.ts'
import type { AesGcmKey } from './primitives.ts'

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
  #key: AesGcmKey
  #count: number
  /** 32 zero bits, then the counter as 64 bits, big-endian (section 12.4). The cipher copies it. */
  readonly #nonce = new DataView(new ArrayBuffer(12))

  constructor(key: Uint8Array, firstNonce: number) {
    this.#key = createAesGcmKey(key)
    this.#count = firstNonce
  }

  encrypt(associatedData: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
    const nonce = this.#nextNonce()
    this.#count += 1
    return this.#key.seal(nonce, { associatedData, parts })
  }

  decrypt(associatedData: Uint8Array, sealed: Uint8Array): Uint8Array {
    if (sealed.length < TAG_BYTES) {
      throw authError(`message has ${sealed.length} bytes, less than its tag`)
    }
    const plain = this.#key.open(this.#nextNonce(), associatedData, sealed)
    if (!plain) throw authError('message is altered, replayed, reordered, or follows a missing one')
    this.#count += 1
    return plain
  }

  rekey(): void {
    const sealed = this.#key.seal(rekeyNonce, { associatedData: nothing, parts: [zeros] })
    this.#key = createAesGcmKey(sealed.subarray(0, 32))
  }

  #nextNonce(): Uint8Array {
    if (this.#count >= lastNonce) {
      throw new SecureChannelError('ERR_CHANNEL_CLOSED', `${lastNonce} messages, the last nonce`)
    }
    this.#nonce.setUint32(4, Math.floor(this.#count / 0x1_0000_0000))
    this.#nonce.setUint32(8, this.#count % 0x1_0000_0000)
    return new Uint8Array(this.#nonce.buffer)
  }
}

function authError(message: string): SecureChannelError {
  return new SecureChannelError('ERR_CHANNEL_AUTH', message)
}
