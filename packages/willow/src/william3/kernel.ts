/**
 * What computes labels of WILLIAM3, and the memory it works on. Two of them exist, in
 * WebAssembly and in JavaScript, and `tree.ts` does not know which one it has.
 *
 * A kernel works on a memory of its own. The caller puts input at {@link INPUT}, calls, and
 * finds labels from {@link NODES} on; every call writes label `index` to
 * `NODES + 32 * index`. Nothing in here waits, so one kernel serves all hashers.
 */

/** Bytes of a digest, of a label inside the tree and of a key. */
export const DIGEST_BYTES = 32
/** Bytes of a leaf of the tree. */
export const CHUNK_BYTES = 1_024
/** Leaves that are hashed together: the WebAssembly computes four at a time. */
export const BATCH_CHUNKS = 16
/** Bytes that are hashed together, 16 KiB: they and the labels stay in the first cache of a processor. */
export const BATCH_BYTES: number = BATCH_CHUNKS * CHUNK_BYTES

/** Address of what every chunk and parent starts from. */
export const KEY = 0
/** Address of the labels: one for each chunk of a batch, and room for three that nobody wants. */
export const NODES = 64
/** Address of the input: a batch, and room for the chunks of three lanes that nobody wants. */
export const INPUT = 1_024
/** Bytes of the memory that are used: the input and two lanes nobody wants. */
export const MEMORY_BYTES: number = INPUT + BATCH_BYTES + 2 * CHUNK_BYTES

/** Flags of a block (BLAKE3 section 2.2). */
export const flagOf = { chunkStart: 1, chunkEnd: 2, parent: 4, root: 8, keyed: 16 } as const

/** The eight words of the initialisation vector (Willow'25): BLAKE3 of `WILLIAM3`. */
export const initialWords: readonly number[] = [
  0xc88f633b, 0x4168fbf2, 0x6ba32583, 0xb0ff1847, 0xac57e47d, 0xa8931330, 0x796a4645, 0x6b28a3ee,
]

/** Computes labels in its memory. */
export interface Kernel {
  /** Which of the two it is. */
  readonly name: 'wasm' | 'javascript'
  /** At least {@link MEMORY_BYTES} bytes. */
  readonly memory: Uint8Array
  /**
   * From here on labels are those of the keyed mode, or of the plain one.
   *
   * @param key - {@link DIGEST_BYTES} bytes; copied into the memory.
   */
  setKey(key: Uint8Array | undefined): void
  /** The labels of the first `count` chunks of the input, all of them whole and none the root. */
  chunks(count: number): void
  /**
   * The label of chunk `index` of the input.
   *
   * @param length - 0 to {@link CHUNK_BYTES}; the rest of its last block holds zeros.
   * @param root - `flagOf.root` when the chunk is all there is, or else 0.
   */
  chunk(index: number, length: number, root: number): void
  /**
   * The labels of the first `count` pairs of labels, each pair `bytes` bytes of the message.
   *
   * @param bytes - Below 2 ** 32.
   */
  parents(count: number, bytes: number): void
  /** The label of pair `index` of labels, below which are `bytes` bytes of the message. */
  parent(index: number, bytes: number, root: number): void
}
