/**
 * The primitives of `crypto.ts` for browsers, by noble (audited, plain JavaScript):
 * synchronous as they are, with the same bytes and the same refusals. WebCrypto is not
 * used: it answers only later, and what its Ed25519 lets through differs among browsers.
 *
 * Each function is documented in `crypto.ts`.
 */
import { gcm } from '@noble/ciphers/aes.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js'
import { bytesEqual, bytesToHex, concatBytes } from '@vudo/wire'
import { IdentityError } from './errors.ts'
import { createKeyCache } from './key-cache.ts'
import { SEED_BYTES } from './limits.ts'
import type { AesGcmInput, AgreementKey, Ed25519Pair, HkdfOptions } from './primitives.ts'

const { Point } = ed25519
type Point = InstanceType<typeof Point>

/** Bytes of an AES-256 key, of an AES-GCM tag, and of an HKDF info: as node takes them. */
const aesKeyBytes = 32
const tagBytes = 16
const maxInfoBytes = 1_024

/** What `getRandomValues` gives in one call (Web Cryptography API, section 10.1.1). */
const randomBlockBytes = 65_536

/** The SHA-256 of `bytes`: 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes)
}

/** The HMAC-SHA-256 of `message`: 32 bytes. Compare with {@link timingSafeEqual}. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac(nobleSha256, key, message)
}

/** Derives keys from a secret by HKDF-SHA-256. */
export function hkdfSha256(secret: Uint8Array, options: HkdfOptions): Uint8Array {
  const { salt, info, length } = options
  if (!Number.isInteger(length) || length < 1 || length > 255 * 32) {
    throw new RangeError(`length is ${length}, expected 1 to 8160`)
  }
  if (info.length > maxInfoBytes) {
    throw new RangeError(`info has ${info.length} bytes, expected at most ${maxInfoBytes}`)
  }
  return hkdf(nobleSha256, secret, salt, info, length)
}

/** Tells whether both hold the same bytes, taking the same time wherever they differ. */
export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0)
  return difference === 0
}

/** `count` bytes of the platform's cryptographic generator. */
export function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count)
  for (let at = 0; at < count; at += randomBlockBytes) {
    crypto.getRandomValues(bytes.subarray(at, at + randomBlockBytes))
  }
  return bytes
}

/** The Ed25519 key pair of a 32-byte seed. Keeps nothing of the buffer. */
export function ed25519PairOf(seed: Uint8Array): Ed25519Pair {
  const own = copyOfSeed(seed)
  return {
    publicKey: ed25519.getPublicKey(own),
    sign: (message) => ed25519.sign(message, own),
  }
}

const publicKeys = createKeyCache((raw) => Point.fromBytes(raw))

/** How many public keys are kept ready; for tests. */
export function cachedKeyCount(): number {
  return publicKeys.size
}

/** Tells whether `signature` is an Ed25519 signature of `message`, strictly. Never throws. */
export function ed25519Verify(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = publicKeys.strictKey(publicKey, signature)
  return key !== undefined && holds(key, { publicKey, message, signature })
}

/** As {@link ed25519Verify}, and on the same thread: a page has no others that answer alike. */
export async function ed25519VerifyAsync(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return ed25519Verify(publicKey, message, signature)
}

/**
 * R = S·B − h·A, compared as bytes and without the cofactor, as OpenSSL does it (RFC
 * 8032 section 5.1.7 allows both). noble's own `verify` multiplies by 8 first: it takes
 * signatures whose R or key has a part of small order, and browsers would believe what
 * nodes refuse.
 */
function holds(
  key: Point,
  signed: {
    readonly publicKey: Uint8Array
    readonly message: Uint8Array
    readonly signature: Uint8Array
  },
): boolean {
  const r = signed.signature.subarray(0, 32)
  const s = toInteger(signed.signature.subarray(32))
  const hash = sha512(concatBytes(r, signed.publicKey, signed.message))
  const h = Point.Fn.create(toInteger(hash))
  return bytesEqual(Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(h)).toBytes(), r)
}

function toInteger(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${bytesToHex(littleEndian.toReversed())}`)
}

/** Makes one side of an X25519 agreement. */
export function createAgreementKey(seed: Uint8Array = randomBytes(SEED_BYTES)): AgreementKey {
  const own = copyOfSeed(seed)
  return {
    publicKey: x25519.getPublicKey(own),
    agree(theirPublic) {
      if (theirPublic.length !== SEED_BYTES) {
        const message = `X25519 key has ${theirPublic.length} bytes, expected ${SEED_BYTES}`
        throw new IdentityError('ERR_AGREEMENT_INVALID', message)
      }
      try {
        return x25519.getSharedSecret(own, theirPublic)
      } catch (cause) {
        throw new IdentityError('ERR_AGREEMENT_INVALID', 'X25519 key is of small order', { cause })
      }
    },
  }
}

/** Encrypts with AES-256-GCM: the ciphertext and its 16-byte tag. */
export function aesGcmEncrypt(input: AesGcmInput, plaintext: Uint8Array): Uint8Array {
  return cipherOf(input).encrypt(plaintext)
}

/** Undoes {@link aesGcmEncrypt}; `undefined` when anything was altered. */
export function aesGcmDecrypt(input: AesGcmInput, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < tagBytes) return undefined
  const cipher = cipherOf(input)
  try {
    return cipher.decrypt(sealed)
  } catch {
    return undefined
  }
}

function cipherOf({ key, nonce, associatedData }: AesGcmInput): ReturnType<typeof gcm> {
  // noble takes AES-128 and AES-192 as well.
  if (key.length !== aesKeyBytes) {
    throw new RangeError(`key has ${key.length} bytes, expected ${aesKeyBytes}`)
  }
  return gcm(key, nonce, associatedData)
}

function copyOfSeed(seed: Uint8Array): Uint8Array {
  if (seed.length !== SEED_BYTES) {
    throw new RangeError(`seed has ${seed.length} bytes, expected ${SEED_BYTES}`)
  }
  return Uint8Array.from(seed)
}
