/**
 * The tree of WILLIAM3 over the chunks of a message (Bab, worm-blossom.org/bab; Willow'25):
 * as in BLAKE3, the left part of a node holds the greatest power of two of chunks that
 * leaves something for the right part. Unlike BLAKE3, the counter of a parent is the
 * number of bytes below it, and that of a chunk is 0.
 *
 * The message arrives in batches of {@link BATCH_BYTES}. Batches that something follows are
 * complete subtrees: equal ones are joined at once, and what is not yet joined waits on a
 * stack, the largest first. The last batch, whole or not, closes the right edge.
 */
import {
  BATCH_BYTES,
  CHUNK_BYTES,
  DIGEST_BYTES,
  INPUT,
  NODES,
  flagOf,
  type Kernel,
} from './kernel.ts'

/** The labels of a message so far. */
export interface Tree {
  /** Takes {@link BATCH_BYTES} bytes that are not the last of the message. */
  append(batch: Uint8Array): void
  /**
   * The label of the whole message; the tree stays as it is.
   *
   * @param rest - What follows the batches: at least one byte when there was a batch, at
   *   most {@link BATCH_BYTES}.
   */
  root(rest: Uint8Array): Uint8Array<ArrayBuffer>
}

/** An empty tree. `key` is kept, not copied. */
export function createTree(kernel: Kernel, key: Uint8Array | undefined): Tree {
  const waiting: Uint8Array[] = []
  let batches = 0
  return {
    append(batch) {
      kernel.setKey(key)
      kernel.memory.set(batch, INPUT)
      labelMany(kernel, BATCH_BYTES, 0)
      batches++
      // As many joins as a counter in binary carries when it counts this batch.
      for (let bytes = 2 * BATCH_BYTES, n = batches; n % 2 === 0; n /= 2, bytes *= 2) {
        joinWith(kernel, waiting.pop()!, bytes, 0)
      }
      waiting.push(topLabel(kernel))
      forgetKey(kernel, key)
    },
    root(rest) {
      kernel.setKey(key)
      const root = batches === 0 ? flagOf.root : 0
      takeRest(kernel, rest)
      if (rest.length > CHUNK_BYTES) labelMany(kernel, rest.length, root)
      else kernel.chunk(0, rest.length, root)
      closeRightEdge(rest.length)
      forgetKey(kernel, key)
      return topLabel(kernel)
    },
  }

  function closeRightEdge(restBytes: number): void {
    let bytes = restBytes
    let left = batches
    let subtreeBytes = BATCH_BYTES
    for (let index = waiting.length - 1; index >= 0; index--) {
      for (; left % 2 === 0; left /= 2) subtreeBytes *= 2
      left--
      bytes += subtreeBytes
      joinWith(kernel, waiting[index]!, bytes, index === 0 ? flagOf.root : 0)
    }
  }
}

/** The last block must end in zeros, and the memory holds the end of an earlier message. */
function takeRest({ memory }: Kernel, rest: Uint8Array): void {
  memory.set(rest, INPUT)
  const end = INPUT + rest.length
  memory.fill(0, end, end + 64)
}

/** The label of `bytes` bytes at the input, which are more than one chunk, as the first label. */
function labelMany(kernel: Kernel, bytes: number, root: number): void {
  const whole = Math.floor(bytes / CHUNK_BYTES)
  const partial = bytes % CHUNK_BYTES
  kernel.chunks(whole)
  if (partial > 0) kernel.chunk(whole, partial, 0)
  let nodes = partial > 0 ? whole + 1 : whole
  let nodeBytes = CHUNK_BYTES
  while (nodes > 1) {
    nodes = labelLayer(kernel, nodes, { nodeBytes, bytes, root })
    nodeBytes *= 2
  }
}

/** Replaces a layer of the tree by the one above and says how many nodes that has. */
function labelLayer(
  kernel: Kernel,
  nodes: number,
  { nodeBytes, bytes, root }: { nodeBytes: number; bytes: number; root: number },
): number {
  const parentBytes = 2 * nodeBytes
  const pairs = Math.floor(nodes / 2)
  // The last pair has fewer bytes below it unless all nodes are whole; and it may be the root.
  const lastBytes = Math.min(parentBytes, bytes - (pairs - 1) * parentBytes)
  kernel.parents(pairs - 1, parentBytes)
  kernel.parent(pairs - 1, lastBytes, nodes === 2 ? root : 0)
  if (nodes % 2 === 0) return pairs
  // A node without a partner rises.
  const from = NODES + (nodes - 1) * DIGEST_BYTES
  kernel.memory.copyWithin(NODES + pairs * DIGEST_BYTES, from, from + DIGEST_BYTES)
  return pairs + 1
}

/** Makes the first label that of a node with `left` on its left and the first label on its right. */
function joinWith(kernel: Kernel, left: Uint8Array, bytes: number, root: number): void {
  kernel.memory.copyWithin(NODES + DIGEST_BYTES, NODES, NODES + DIGEST_BYTES)
  kernel.memory.set(left, NODES)
  kernel.parent(0, bytes, root)
}

function topLabel({ memory }: Kernel): Uint8Array<ArrayBuffer> {
  return memory.slice(NODES, NODES + DIGEST_BYTES)
}

/** No key stays in the memory of the kernel. */
function forgetKey(kernel: Kernel, key: Uint8Array | undefined): void {
  if (key !== undefined) kernel.setKey(undefined)
}
