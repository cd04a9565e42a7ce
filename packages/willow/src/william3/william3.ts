/**
 * WILLIAM3, the hash of Willow'25 (willowprotocol.org/specs/willow25): BLAKE3 with another
 * initialisation vector and with lengths in its inner nodes, which makes it a member of the
 * Bab family of hashes whose payloads can be verified in parts.
 *
 * It is computed four chunks at a time in WebAssembly with SIMD where the platform has it,
 * and else in JavaScript; both give the same digests.
 */
import { BATCH_BYTES, CHUNK_BYTES, DIGEST_BYTES, type Kernel } from './kernel.ts'
import { sharedKernel } from './shared-kernel.ts'
import { createTree, type Tree } from './tree.ts'

/** Options of {@link william3} and {@link createWilliam3}. */
export interface William3Options {
  /**
   * 32 bytes. With a key the digest authenticates the message: only who has the key can make
   * it. Compare such digests in constant time.
   *
   * @defaultValue none: the plain hash, as for payloads.
   */
  readonly key?: Uint8Array | undefined
}

/** A hash that takes its message in pieces. */
export interface William3Hasher {
  /** Appends to the message, in pieces of any size; they are copied. Returns this hasher. */
  update(bytes: Uint8Array): William3Hasher
  /**
   * The digest of the message so far: 32 bytes in a new buffer that belongs to the caller.
   * More may be appended afterwards.
   */
  digest(): Uint8Array<ArrayBuffer>
}

/**
 * The WILLIAM3 digest of `bytes`: 32 bytes in a new buffer that belongs to the caller.
 *
 * @throws `RangeError` when the key has another length than 32 bytes.
 */
export function william3(
  bytes: Uint8Array,
  options: William3Options = {},
): Uint8Array<ArrayBuffer> {
  return hashBy(sharedKernel(), bytes, options)
}

/**
 * A WILLIAM3 hasher for a message that arrives in pieces. Holds at most 16 KiB of it.
 *
 * @throws `RangeError` when the key has another length than 32 bytes.
 */
export function createWilliam3(options: William3Options = {}): William3Hasher {
  return createHasherBy(sharedKernel(), options)
}

/** {@link william3} by a kernel of one's own; for tests. */
export function hashBy(
  kernel: Kernel,
  bytes: Uint8Array,
  options: William3Options,
): Uint8Array<ArrayBuffer> {
  assertKey(options)
  const tree = createTree(kernel, options.key)
  let at = 0
  // The last batch stays, even a whole one: only then is something left for the root.
  for (; bytes.length - at > BATCH_BYTES; at += BATCH_BYTES) {
    tree.append(bytes.subarray(at, at + BATCH_BYTES))
  }
  return tree.root(bytes.subarray(at))
}

/** {@link createWilliam3} by a kernel of one's own; for tests. */
export function createHasherBy(kernel: Kernel, options: William3Options): William3Hasher {
  assertKey(options)
  return new Hasher(createTree(kernel, options.key?.slice()))
}

class Hasher implements William3Hasher {
  readonly #tree: Tree
  #pending = new Uint8Array(0)
  #pendingBytes = 0

  constructor(tree: Tree) {
    this.#tree = tree
  }

  update(bytes: Uint8Array): William3Hasher {
    let at = 0
    while (at < bytes.length) {
      if (this.#pendingBytes === BATCH_BYTES) {
        this.#tree.append(this.#pending)
        this.#pendingBytes = 0
      }
      const left = bytes.length - at
      if (this.#pendingBytes === 0 && left > BATCH_BYTES) {
        this.#tree.append(bytes.subarray(at, at + BATCH_BYTES))
        at += BATCH_BYTES
      } else {
        const taken = Math.min(left, BATCH_BYTES - this.#pendingBytes)
        this.#hold(bytes.subarray(at, at + taken))
        at += taken
      }
    }
    return this
  }

  digest(): Uint8Array<ArrayBuffer> {
    return this.#tree.root(this.#pending.subarray(0, this.#pendingBytes))
  }

  #hold(bytes: Uint8Array): void {
    const needed = this.#pendingBytes + bytes.length
    if (needed > this.#pending.length) {
      // Most messages are small, and those of more than a chunk are mostly larger than a batch.
      const grown = new Uint8Array(needed > CHUNK_BYTES ? BATCH_BYTES : CHUNK_BYTES)
      grown.set(this.#pending.subarray(0, this.#pendingBytes))
      this.#pending = grown
    }
    this.#pending.set(bytes, this.#pendingBytes)
    this.#pendingBytes = needed
  }
}

function assertKey({ key }: William3Options): void {
  if (key !== undefined && key.length !== DIGEST_BYTES) {
    throw new RangeError(`key has ${key.length} bytes, expected ${DIGEST_BYTES}`)
  }
}
