/**
 * Every cryptographic primitive of the project's identity, by `node:crypto`: SHA-256
 * (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869), Ed25519 (RFC 8032), X25519 (RFC
 * 7748), AES-256-GCM (NIST SP 800-38D). The one file that a platform replaces: browsers
 * have `crypto.browser.ts`, and `#crypto` is the one or the other.
 *
 * Nothing here decides what is signed or encrypted; it gives plain `Uint8Array`s in
 * new buffers that belong to the caller.
 */
import crypto, { type KeyObject } from 'node:crypto'
import { IdentityError } from './errors.ts'
import { createKeyCache } from './key-cache.ts'
import { SEED_BYTES } from './limits.ts'
import type { AesGcmInput, AgreementKey, Ed25519Pair, HkdfOptions } from './primitives.ts'

/** DER around the raw key: PKCS #8 (RFC 8410 section 7) and SPKI (section 4). */
const der = {
  ed25519Private: Buffer.from('302e020100300506032b657004220420', 'hex'),
  ed25519Public: Buffer.from('302a300506032b6570032100', 'hex'),
  x25519Private: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  x25519Public: Buffer.from('302a300506032b656e032100', 'hex'),
}

/** Bytes of an AES-GCM tag. */
const tagBytes = 16

/** The SHA-256 of `bytes`: 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  // In one call: an object for each hash costs several times what a short one takes.
  return new Uint8Array(crypto.hash('sha256', bytes, 'buffer'))
}

/** The HMAC-SHA-256 of `message`: 32 bytes. Compare with {@link timingSafeEqual}. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(crypto.createHmac('sha256', key).update(message).digest())
}

/**
 * Derives keys from a secret by HKDF-SHA-256.
 *
 * @param secret - Has its entropy already: a shared secret, never a password.
 * @throws `RangeError` when `length` or the length of `info` is out of range.
 */
export function hkdfSha256(secret: Uint8Array, options: HkdfOptions): Uint8Array {
  const { salt = new Uint8Array(0), info, length } = options
  // RFC 5869 section 2.3; node wants the same and words it otherwise.
  if (!Number.isInteger(length) || length < 1 || length > 255 * 32) {
    throw new RangeError(`length is ${length}, expected 1 to 8160`)
  }
  return new Uint8Array(crypto.hkdfSync('sha256', secret, salt, info, length))
}

/**
 * Tells whether both hold the same bytes, taking the same time wherever they
 * differ. Only the lengths show.
 */
export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && crypto.timingSafeEqual(a, b)
}

/** `count` bytes of the platform's cryptographic generator. */
export function randomBytes(count: number): Uint8Array {
  return crypto.randomFillSync(new Uint8Array(count))
}

/** The Ed25519 key pair of a 32-byte seed. Keeps nothing of the buffer. */
export function ed25519PairOf(seed: Uint8Array): Ed25519Pair {
  const key = privateKeyOf(der.ed25519Private, seed)
  return {
    publicKey: rawPublicKey(key),
    sign: (message) => new Uint8Array(crypto.sign(null, message, key)),
  }
}

/**
 * Tells whether `signature` is an Ed25519 signature of `message`. Never throws.
 *
 * Strict, whatever the platform's library does: S below the group order, the key and
 * R written canonically and not of small order. Anybody can sign with a key of small
 * order, and verifiers that disagree about such signatures split a network.
 */
export function ed25519Verify(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = publicKeys.strictKey(publicKey, signature)
  if (key === undefined) return false
  try {
    return crypto.verify(null, message, key, signature)
  } catch {
    // OpenSSL refuses the key itself: then nothing is signed by it.
    return false
  }
}

/** As {@link ed25519Verify}, on another thread. The bytes must not change before it is settled. */
export async function ed25519VerifyAsync(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const key = publicKeys.strictKey(publicKey, signature)
  if (key === undefined) return false
  return new Promise((resolve) => {
    try {
      // An error is the same answer as in the synchronous form.
      crypto.verify(null, message, key, signature, (error, isValid) => {
        resolve(error === null && isValid)
      })
    } catch {
      // The key itself is refused, as above.
      resolve(false)
    }
  })
}

/** Some versions of OpenSSL look whether it is a point at all, and throw. */
const publicKeys = createKeyCache((raw) => publicKeyOf(der.ed25519Public, raw))

/** How many public keys are kept ready; for tests. */
export function cachedKeyCount(): number {
  return publicKeys.size
}

/**
 * Makes one side of an X25519 agreement.
 *
 * @param seed - 32 bytes; copied. Random when left out.
 * @throws `RangeError` when the seed has another length.
 */
export function createAgreementKey(seed: Uint8Array = randomBytes(SEED_BYTES)): AgreementKey {
  const privateKey = privateKeyOf(der.x25519Private, seed)
  return {
    publicKey: rawPublicKey(privateKey),
    agree(theirPublic) {
      if (theirPublic.length !== SEED_BYTES) {
        const message = `X25519 key has ${theirPublic.length} bytes, expected ${SEED_BYTES}`
        throw new IdentityError('ERR_AGREEMENT_INVALID', message)
      }
      try {
        const publicKey = publicKeyOf(der.x25519Public, theirPublic)
        return new Uint8Array(crypto.diffieHellman({ privateKey, publicKey }))
      } catch (cause) {
        throw new IdentityError('ERR_AGREEMENT_INVALID', 'X25519 key is of small order', { cause })
      }
    },
  }
}

/** Encrypts with AES-256-GCM: the ciphertext and its 16-byte tag. */
export function aesGcmEncrypt(input: AesGcmInput, plaintext: Uint8Array): Uint8Array {
  const cipher = crypto.createCipheriv('aes-256-gcm', input.key, input.nonce)
  cipher.setAAD(input.associatedData)
  const output = new Uint8Array(plaintext.length + tagBytes)
  output.set(cipher.update(plaintext))
  cipher.final()
  output.set(cipher.getAuthTag(), plaintext.length)
  return output
}

/** Undoes {@link aesGcmEncrypt}; `undefined` when anything was altered. */
export function aesGcmDecrypt(input: AesGcmInput, sealed: Uint8Array): Uint8Array | undefined {
  const end = sealed.length - tagBytes
  if (end < 0) return undefined
  const options = { authTagLength: tagBytes }
  const decipher = crypto.createDecipheriv('aes-256-gcm', input.key, input.nonce, options)
  decipher.setAAD(input.associatedData)
  decipher.setAuthTag(sealed.subarray(end))
  const plaintext = new Uint8Array(decipher.update(sealed.subarray(0, end)))
  try {
    // Only now is anything proven; before, the plaintext is the attacker's.
    decipher.final()
    return plaintext
  } catch {
    return undefined
  }
}

function privateKeyOf(prefix: Buffer, seed: Uint8Array): KeyObject {
  if (seed.length !== SEED_BYTES) {
    throw new RangeError(`seed has ${seed.length} bytes, expected ${SEED_BYTES}`)
  }
  const encoded = Buffer.concat([prefix, seed])
  const key = crypto.createPrivateKey({ key: encoded, format: 'der', type: 'pkcs8' })
  encoded.fill(0)
  return key
}

function publicKeyOf(prefix: Buffer, publicKey: Uint8Array): KeyObject {
  const encoded = Buffer.concat([prefix, publicKey])
  return crypto.createPublicKey({ key: encoded, format: 'der', type: 'spki' })
}

function rawPublicKey(privateKey: KeyObject): Uint8Array {
  const encoded = crypto.createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return new Uint8Array(encoded.subarray(-SEED_BYTES))
}
