import type { PeerId } from '@vudo/transport'
import { bytesToHex } from '@vudo/wire'
import { ed25519PairOf, randomBytes } from '#crypto'
import { SEED_BYTES } from './limits.ts'
import type { Ed25519Pair } from './primitives.ts'
import { signedBytes, verifySignature } from './signature.ts'

/** What node keys and author keys have in common. Printing one never shows its seed. */
export interface SigningKey {
  /** 32 bytes. Shared: do not change it. */
  readonly publicKey: Uint8Array
  /** The 32 secret bytes that make the key. Shared: do not change it, never print or send it. */
  readonly seed: Uint8Array
  /**
   * Signs `message` for one purpose (Ed25519, RFC 8032).
   *
   * @param tag - The purpose, one of `signatureTags` or of your own protocol: 1 to 64
   *   printable ASCII characters, not the beginning of another tag.
   * @returns 64 bytes in a new buffer; the same message gives the same signature.
   * @throws `RangeError` when the tag is malformed.
   */
  sign(tag: string, message: Uint8Array): Uint8Array
  /** The type and id, for logs. */
  toString(): string
}

/**
 * The key of a node: who it is on every transport. Signs handshakes, peer records,
 * relay challenges and gossip envelopes only; what people write is signed by an
 * {@link AuthorKey}, so that a device can be lost without losing an author.
 */
export interface NodeKey extends SigningKey {
  /** The lower-case hex of the public key. */
  readonly peerId: PeerId
}

/** The key of an author: signs application data, on however many devices. */
export interface AuthorKey extends SigningKey {
  /** The lower-case hex of the public key. */
  readonly authorId: string
}

/**
 * The node key of `seed`, or a new one.
 *
 * @param seed - 32 bytes from a cryptographic generator; copied.
 * @throws `RangeError` when it has another length.
 */
export function createNodeKey(seed: Uint8Array = randomBytes(SEED_BYTES)): NodeKey {
  return new NodeKeyPair(seed)
}

/**
 * The author key of `seed`, or a new one.
 *
 * @param seed - 32 bytes from a cryptographic generator; copied. Not a node's seed:
 *   one key in two roles can be confused.
 * @throws `RangeError` when it has another length.
 */
export function createAuthorKey(seed: Uint8Array = randomBytes(SEED_BYTES)): AuthorKey {
  return new AuthorKeyPair(seed)
}

/** Signs what an application says, under the tag `vudo/message/1`: 64 bytes. */
export function signMessage(key: SigningKey, message: Uint8Array): Uint8Array {
  return key.sign('vudo/message/1', message)
}

/**
 * Tells whether the holder of `id` made `signature` with {@link signMessage}. Never throws.
 *
 * @param id - A peer id or author id.
 */
export function verifyMessage(id: string, message: Uint8Array, signature: Uint8Array): boolean {
  return verifySignature(id, 'vudo/message/1', message, signature)
}

const inspectSymbol = Symbol.for('nodejs.util.inspect.custom')

/** Holds the seed in a private field, which no printer, cloner or serializer sees. */
abstract class KeyPair implements SigningKey {
  readonly #pair: Ed25519Pair
  readonly #seed: Uint8Array
  protected readonly id: string

  constructor(seed: Uint8Array) {
    this.#pair = ed25519PairOf(seed)
    this.#seed = seed.slice()
    this.id = bytesToHex(this.#pair.publicKey)
  }

  get publicKey(): Uint8Array {
    return this.#pair.publicKey
  }

  get seed(): Uint8Array {
    return this.#seed
  }

  sign(tag: string, message: Uint8Array): Uint8Array {
    return this.#pair.sign(signedBytes(tag, message))
  }

  abstract toString(): string

  abstract toJSON(): object

  [inspectSymbol](): string {
    return this.toString()
  }
}

class NodeKeyPair extends KeyPair implements NodeKey {
  get peerId(): PeerId {
    return this.id
  }

  override toString(): string {
    return `NodeKey(${this.id})`
  }

  toJSON(): object {
    return { peerId: this.id }
  }
}

class AuthorKeyPair extends KeyPair implements AuthorKey {
  get authorId(): string {
    return this.id
  }

  override toString(): string {
    return `AuthorKey(${this.id})`
  }

  toJSON(): object {
    return { authorId: this.id }
  }
}
