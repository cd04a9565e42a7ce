/**
 * Ed25519 as it is (RFC 8032), for protocols that say themselves which bytes are
 * signed, such as Meadowcap. Everything of our own signs under a tag: see
 * `SigningKey.sign`.
 */
import { bytesToHex } from '@vudo/wire'
import { ed25519PairOf, ed25519Verify, ed25519VerifyAsync, randomBytes } from '#crypto'
import { SEED_BYTES } from './limits.ts'
import type { Ed25519Pair } from './primitives.ts'

/**
 * A key that signs bytes without a tag. Printing one never shows its seed. Give it a
 * seed of its own: with that of a node or author, what one protocol signs could be
 * taken for a message of the other.
 */
export interface Ed25519Key {
  /** 32 bytes. Shared: do not change it. */
  readonly publicKey: Uint8Array
  /** The 32 secret bytes that make the key. Shared: do not change it, never print or send it. */
  readonly seed: Uint8Array
  /** Signs `message` as it is: 64 bytes in a new buffer; the same message gives the same signature. */
  sign(message: Uint8Array): Uint8Array
  /** The type and public key, for logs. */
  toString(): string
}

/**
 * The key of `seed`, or a new one.
 *
 * @param seed - 32 bytes from a cryptographic generator; copied.
 * @throws `RangeError` when it has another length.
 */
export function createEd25519Key(seed: Uint8Array = randomBytes(SEED_BYTES)): Ed25519Key {
  return new RawKeyPair(seed)
}

/**
 * Tells whether `signature` is a signature of `message`, strictly: S below the group
 * order, key and R canonical and not of small order, whatever the platform's library
 * lets through. Never throws for what a peer may have sent. Recently used keys are
 * kept ready.
 *
 * @param publicKey - 32 bytes; anything else is `false`.
 * @param signature - 64 bytes; anything else is `false`.
 */
export function verifyEd25519(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return ed25519Verify(publicKey, message, signature)
}

/**
 * As {@link verifyEd25519}, on the threads of the platform's pool: a batch of them runs
 * beside whatever else there is to do. Browsers have no such pool: there it is done on
 * the calling thread, before the promise is returned.
 *
 * @returns never rejects. The bytes must not be changed before it settles.
 */
export async function verifyEd25519Async(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return ed25519VerifyAsync(publicKey, message, signature)
}

const inspectSymbol = Symbol.for('nodejs.util.inspect.custom')

/** Holds the seed in a private field, which no printer, cloner or serializer sees. */
class RawKeyPair implements Ed25519Key {
  readonly #pair: Ed25519Pair
  readonly #seed: Uint8Array

  constructor(seed: Uint8Array) {
    this.#pair = ed25519PairOf(seed)
    this.#seed = seed.slice()
  }

  get publicKey(): Uint8Array {
    return this.#pair.publicKey
  }

  get seed(): Uint8Array {
    return this.#seed
  }

  sign(message: Uint8Array): Uint8Array {
    return this.#pair.sign(message)
  }

  toString(): string {
    return `Ed25519Key(${bytesToHex(this.publicKey)})`
  }

  toJSON(): object {
    return { publicKey: bytesToHex(this.publicKey) }
  }

  [inspectSymbol](): string {
    return this.toString()
  }
}
