/**
 * The primitives of `crypto.ts` for browsers, by noble (audited, plain JavaScript):
 * synchronous as they are, with the same bytes and the same refusals. A record's counter
 * must not wait for anything, and WebCrypto answers only later.
 *
 * Each function is documented in `crypto.ts`.
 */
import { gcm } from '@noble/ciphers/aes.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@vudo/wire'
import { SecureChannelError } from './errors.ts'
import type { AesGcmKey, AesGcmPlain, X25519KeyPair, X25519PublicKey } from './primitives.ts'
import { X25519_BYTES } from './primitives.ts'

const aesKeyBytes = 32

/** The SHA-256 of both, one after the other: 32 bytes. */
export function sha256(first: Uint8Array, second: Uint8Array): Uint8Array {
  return nobleSha256.create().update(first).update(second).digest()
}

/** The first `length` bytes of HKDF-SHA-256 without info. */
export function hkdfSha256(input: Uint8Array, salt: Uint8Array, length: number): Uint8Array {
  return hkdf(nobleSha256, input, salt, undefined, length)
}

/** A fresh pair from the platform's generator, or the pair of a known 32-byte private key (for vectors). */
export function createX25519KeyPair(
  rawPrivateKey: Uint8Array = crypto.getRandomValues(new Uint8Array(X25519_BYTES)),
): X25519KeyPair {
  return new KeyPair(rawPrivateKey)
}

/** Reads a 32-byte public key. Copied: it is used when the buffer of its message may be somebody else's. */
export function importX25519PublicKey(raw: Uint8Array): X25519PublicKey {
  return { bytes: Uint8Array.from(raw) }
}

class KeyPair implements X25519KeyPair {
  readonly #privateKey: Uint8Array
  readonly publicKey: Uint8Array

  constructor(rawPrivateKey: Uint8Array) {
    this.#privateKey = Uint8Array.from(rawPrivateKey)
    this.publicKey = x25519.getPublicKey(this.#privateKey)
  }

  agree(theirs: X25519PublicKey): Uint8Array {
    try {
      return x25519.getSharedSecret(this.#privateKey, theirs.bytes)
    } catch (cause) {
      throw new SecureChannelError(
        'ERR_CHANNEL_KEY',
        'the peer sent an X25519 key of small order',
        {
          cause,
        },
      )
    }
  }
}

/** The key of 32 bytes, which are copied. */
export function createAesGcmKey(raw: Uint8Array): AesGcmKey {
  return new NobleKey(raw)
}

class NobleKey implements AesGcmKey {
  readonly #key: Uint8Array

  constructor(raw: Uint8Array) {
    // noble takes AES-128 and AES-192 as well.
    if (raw.length !== aesKeyBytes) {
      throw new RangeError(`key has ${raw.length} bytes, expected ${aesKeyBytes}`)
    }
    this.#key = Uint8Array.from(raw)
  }

  seal(nonce: Uint8Array, { associatedData, parts }: AesGcmPlain): Uint8Array {
    const [first] = parts
    const plain = first && parts.length === 1 ? first : concatBytes(...parts)
    return gcm(this.#key, nonce, associatedData).encrypt(plain)
  }

  open(nonce: Uint8Array, associatedData: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const cipher = gcm(this.#key, nonce, associatedData)
    try {
      return cipher.decrypt(sealed)
    } catch {
      return undefined
    }
  }
}
