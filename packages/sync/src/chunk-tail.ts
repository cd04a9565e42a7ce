import type { StoreOperation } from '@vudo/storage'
import { concatBytes } from '@vudo/wire'
import { deleteChunks, putChunks } from './document-chunks.ts'
import { MAX_CHUNKS, MAX_TAIL_BYTES } from './limits.ts'
import type { StoredDocument } from './stored-keys.ts'
import { putChunk } from './stored-puts.ts'

/**
 * The last chunks of a document that this program wrote. When there are too many they are
 * joined into one, for which nothing has to be read and the document not to be open.
 */
export class ChunkTail {
  #chunks: Uint8Array[] = []
  #bytes = 0

  /** True when joining makes the chunks fewer. */
  get isJoinable(): boolean {
    return this.#chunks.length > 1
  }

  /** They are gone, or lie elsewhere. */
  clear(): void {
    this.#chunks = []
    this.#bytes = 0
  }

  /** The operations that write a chunk behind the others, and how many chunks there are then. */
  add(
    id: string,
    { firstChunk, chunkCount }: StoredDocument,
    chunk: Uint8Array,
  ): { readonly operations: StoreOperation[]; readonly chunkCount: number } {
    if (this.#bytes + chunk.length > MAX_TAIL_BYTES) this.clear()
    const count = this.#chunks.length
    const next = firstChunk + chunkCount
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (chunkCount < MAX_CHUNKS || count === 0) {
      const operations = putChunks(id, next, chunk)
      if (operations.length > 1) this.clear()
      return { operations, chunkCount: chunkCount + operations.length }
    }
    const joined = concatBytes(...this.#chunks)
    this.#chunks = [joined]
    const first = next - count
    const operations = [putChunk(id, first, joined), ...deleteChunks(id, first + 1, count - 1)]
    return { operations, chunkCount: first - firstChunk + 1 }
  }
}
