/**
 * Every cryptographic primitive of the project's identity, by `node:crypto`: SHA-256
 * (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869), Ed25519 (RFC 8032), X25519 (RFC
 * 7748), AES-256-GCM (NIST SP 800-38D). The one file that a platform replaces.
 *
 * Nothing here decides what is signed or encrypted; it gives plain `Uint8Array`s in
 * new buffers that belong to the caller.
 */
import crypto, { type KeyObject } from 'node:crypto'
import { IdentityError } from './errors.ts'
import { MAX_CACHED_KEYS, SEED_BYTES, SIGNATURE_BYTES } from './limits.ts'

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

/** What {@link hkdfSha256} takes besides the secret. */
export interface HkdfOptions {
  /**
   * Not secret, any length.
   *
   * @defaultValue empty
   */
  readonly salt?: Uint8Array | undefined
  /** What the key is for; another info gives an independent key. At most 1,024 bytes. */
  readonly info: Uint8Array
  /** Bytes of the result: 1 to 8,160. */
  readonly length: number
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

/** An Ed25519 key pair whose private half stays inside. */
export interface Ed25519Pair {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
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
  const key = keyForStrict(publicKey, signature)
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
  const key = keyForStrict(publicKey, signature)
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

/** The key when it and the signature are of the strict form; `undefined` otherwise. */
function keyForStrict(publicKey: Uint8Array, signature: Uint8Array): KeyObject | undefined {
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== SEED_BYTES) return undefined
  if (!isStrictPoint(signature.subarray(0, 32)) || !isBelowOrder(signature.subarray(32))) {
    return undefined
  }
  return cachedKey(publicKey)
}

/** Recently used public keys by their hex, the least recently used one first. All are strict points. */
const publicKeys = new Map<string, KeyObject>()

function cachedKey(publicKey: Uint8Array): KeyObject | undefined {
  const hex = hexOf(publicKey)
  let key = publicKeys.get(hex)
  if (key === undefined) {
    if (!isStrictPoint(publicKey)) return undefined
    try {
      key = publicKeyOf(der.ed25519Public, publicKey)
    } catch {
      // Some versions of OpenSSL look whether it is a point at all.
      return undefined
    }
  }
  publicKeys.delete(hex)
  publicKeys.set(hex, key)
  if (publicKeys.size > MAX_CACHED_KEYS) {
    for (const oldest of publicKeys.keys()) {
      publicKeys.delete(oldest)
      break
    }
  }
  return key
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** The first bytes of the points of small order: whatever begins otherwise is none of them. */
const smallOrderBegins: ReadonlySet<number> = new Set([0x00, 0x01, 0x26, 0xc7, 0xec, 0xed, 0xee])

/** Tells whether 32 bytes write a point canonically, and not one of small order. That it lies on the curve is left to the library. */
export function isStrictPoint(point: Uint8Array): boolean {
  if (!isBelowPrime(point)) return false
  return !(smallOrderBegins.has(point[0] ?? 0) && hasSmallOrder(point))
}

/** Tells whether y, without the sign bit, is below 2^255 − 19: else the same point has another form. */
function isBelowPrime(point: Uint8Array): boolean {
  if ((point[0] ?? 0) < 0xed || ((point[31] ?? 0) & 0x7f) !== 0x7f) return true
  for (let at = 1; at < 31; at++) if (point[at] !== 0xff) return true
  return false
}

/** The order of the group, little-endian (RFC 8032 section 5.1). */
const groupOrder = Buffer.from(
  'edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010',
  'hex',
)

/** Tells whether the scalar S, 32 bytes, is below the order of the group. */
export function isBelowOrder(scalar: Uint8Array): boolean {
  for (let at = 31; at >= 0; at--) {
    const difference = (scalar[at] ?? 0) - (groupOrder[at] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/** How many public keys are kept ready; for tests. */
export function cachedKeyCount(): number {
  return publicKeys.size
}

/**
 * The y coordinates of the points whose order divides 8, canonical and not, as in
 * libsodium's `ge25519_has_small_order`. The sign bit in the last byte is ignored.
 */
const smallOrder: ReadonlySet<string> = new Set([
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

/**
 * Tells whether an Ed25519 key is a point of small order. OpenSSL 3.5 refuses those
 * when verifying; other versions and platforms let them through.
 */
export function hasSmallOrder(publicKey: Uint8Array): boolean {
  const y = Buffer.from(publicKey)
  y[31] = (y[31] ?? 0) & 0x7f
  return smallOrder.has(y.toString('hex'))
}

/** One side of an X25519 agreement. Its private half stays inside. */
export interface AgreementKey {
  /** 32 bytes, for the far end. */
  readonly publicKey: Uint8Array
  /**
   * The 32-byte secret shared with the holder of `theirPublic`. Derive keys from
   * it with {@link hkdfSha256}; do not use it as one.
   *
   * @param theirPublic - 32 bytes from the far end.
   * @throws `IdentityError` `ERR_AGREEMENT_INVALID` when its length is wrong or it is a
   *   point of small order, which would make the secret zero (RFC 7748 section 6.1).
   */
  agree(theirPublic: Uint8Array): Uint8Array
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

/** What both directions of AES-256-GCM take. */
export interface AesGcmInput {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 12 bytes; never twice with one key. */
  readonly nonce: Uint8Array
  /** What is authenticated and not encrypted. */
  readonly associatedData: Uint8Array
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
