/**
 * Every cryptographic primitive of the channel, by `node:crypto`: SHA-256 (FIPS 180-4),
 * HKDF (RFC 5869), X25519 (RFC 7748), AES-256-GCM (NIST SP 800-38D). The one file that a
 * platform replaces: browsers have `crypto.browser.ts`, and `#crypto` is the one or the
 * other.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type CipherGCM,
  type KeyObject,
} from 'node:crypto'
import { SecureChannelError } from './errors.ts'
import { TAG_BYTES } from './limits.ts'
import type { AesGcmKey, AesGcmPlain, X25519KeyPair, X25519PublicKey } from './primitives.ts'
import { free, takeRecord } from './record-buffers.ts'

/** What stands before a raw private key in PKCS #8 (RFC 8410 section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex')
/** What stands before a raw public key in SPKI (RFC 8410 section 4). */
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex')
const nothing = new Uint8Array()

/** The SHA-256 of both, one after the other: 32 bytes. */
export function sha256(first: Uint8Array, second: Uint8Array): Uint8Array {
  return createHash('sha256').update(first).update(second).digest()
}

/** The first `length` bytes of HKDF-SHA-256 without info. One call costs a third of three HMACs. */
export function hkdfSha256(input: Uint8Array, salt: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', input, salt, nothing, length))
}

/** A fresh pair from the platform's generator, or the pair of a known 32-byte private key (for vectors). */
export function createX25519KeyPair(rawPrivateKey?: Uint8Array): X25519KeyPair {
  const privateKey = rawPrivateKey
    ? createPrivateKey({
        key: Buffer.concat([pkcs8Prefix, rawPrivateKey]),
        format: 'der',
        type: 'pkcs8',
      })
    : generateKeyPairSync('x25519').privateKey
  return new KeyPair(privateKey)
}

/** Reads a 32-byte public key. About 40 µs: do it once for several agreements. */
export function importX25519PublicKey(raw: Uint8Array): X25519PublicKey {
  return new ImportedKey(raw)
}

class KeyPair implements X25519KeyPair {
  readonly #privateKey: KeyObject
  readonly publicKey: Uint8Array

  constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey
    this.publicKey = rawPublicKey(privateKey)
  }

  agree(theirs: X25519PublicKey): Uint8Array {
    const { publicKey } = theirs instanceof ImportedKey ? theirs : new ImportedKey(theirs.bytes)
    try {
      return diffieHellman({ privateKey: this.#privateKey, publicKey })
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

class ImportedKey implements X25519PublicKey {
  readonly bytes: Uint8Array
  readonly publicKey: KeyObject

  constructor(raw: Uint8Array) {
    this.bytes = raw
    const key = Buffer.concat([spkiPrefix, raw])
    this.publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
  }
}

/** As JWK, because that takes 1 µs where DER takes 37 (x86-64, Node 24). */
function rawPublicKey(privateKey: KeyObject): Uint8Array {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return new Uint8Array(Buffer.from(x ?? '', 'base64url'))
}

/** The key of 32 bytes, which are copied. */
export function createAesGcmKey(raw: Uint8Array): AesGcmKey {
  return new OpenSslKey(raw)
}

class OpenSslKey implements AesGcmKey {
  /** A KeyObject: a plain buffer as key costs 20 µs more on every message. */
  readonly #key: KeyObject

  constructor(raw: Uint8Array) {
    this.#key = createSecretKey(raw)
  }

  seal(nonce: Uint8Array, plain: AesGcmPlain): Uint8Array {
    const cipher: CipherGCM = createCipheriv('aes-256-gcm', this.#key, nonce, {
      authTagLength: TAG_BYTES,
    })
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

  open(nonce: Uint8Array, associatedData: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const bodyBytes = sealed.length - TAG_BYTES
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES })
    if (associatedData.length > 0) decipher.setAAD(associatedData)
    decipher.setAuthTag(sealed.subarray(bodyBytes))
    const plain = decipher.update(sealed.subarray(0, bodyBytes))
    try {
      // Only now is anything proven; before, the plaintext is the attacker's.
      decipher.final()
      return plain
    } catch {
      return undefined
    }
  }
}

function bytesOf(parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) sum += part.length
  return sum
}
