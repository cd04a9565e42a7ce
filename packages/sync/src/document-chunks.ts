import * as Automerge from '@automerge/automerge'
import type { StoreOperation } from '@vudo/storage'
import { concatBytes } from '@vudo/wire'
import type { AnyDocument } from './document-state.ts'
import { MAX_CHUNK_BYTES } from './limits.ts'
import { chunkKey } from './stored-keys.ts'

/*
 * The bytes of a document in its store: a snapshot and later changes, one behind the
 * other. Where they are cut into values means nothing: they are read back as one.
 */

/** What every chunk of Automerge's format begins with. */
const magic = Uint8Array.of(0x85, 0x6f, 0x4a, 0x83)

/** The operations that store `bytes` under the numbers from `first` on, in pieces that a store takes. */
export function putChunks(id: string, first: number, bytes: Uint8Array): StoreOperation[] {
  const count = Math.ceil(bytes.length / MAX_CHUNK_BYTES)
  return Array.from({ length: count }, (_, at) => {
    const value = bytes.subarray(at * MAX_CHUNK_BYTES, (at + 1) * MAX_CHUNK_BYTES)
    return { type: 'put', key: chunkKey(id, first + at), value }
  })
}

/** The operations that take away so many chunks. */
export function deleteChunks(id: string, first: number, count: number): StoreOperation[] {
  return Array.from({ length: count }, (_, at) => ({
    type: 'delete',
    key: chunkKey(id, first + at),
  }))
}

/** What can be read of damaged chunks. */
export function salvage(chunks: readonly Uint8Array[], actor: string): AnyDocument {
  let doc: AnyDocument = Automerge.init({ actor })
  for (const whole of joinPieces(chunks)) {
    try {
      doc = Automerge.loadIncremental(doc, whole)
    } catch {
      // Most damage is skipped, some throws; either way the next chunk may be sound.
    }
  }
  return doc
}

/** A piece that does not begin as Automerge's format does goes on with the one before. */
function joinPieces(chunks: readonly Uint8Array[]): Uint8Array[] {
  const groups: Uint8Array[][] = []
  for (const chunk of chunks) {
    const last = groups.at(-1)
    const begins = magic.every((byte, at) => chunk[at] === byte)
    if (last && !begins) last.push(chunk)
    else groups.push([chunk])
  }
  return groups.map((pieces) => concatBytes(...pieces))
}
