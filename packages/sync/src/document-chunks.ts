import * as Automerge from '@automerge/automerge'
import type { StoreOperation } from '@vudo/storage'
import { concatBytes } from '@vudo/wire'
import { ChunkCursor } from './chunk-cursor.ts'
import type { AnyDocument } from './document-state.ts'
import { isSyncError } from './errors.ts'
import { MAX_CHUNK_BYTES } from './limits.ts'
import { areSoundSince, areStoredSound } from './sound-changes.ts'
import { chunkKey, type StoredDocument } from './stored-keys.ts'
import { putChunk } from './stored-puts.ts'

/*
 * The bytes of a document in its store: a snapshot and later changes, one behind the
 * other. Where they are cut into values means nothing: they are read back as one.
 */

/** Bytes before the length of a chunk: magic, checksum and type. */
const CHUNK_HEADER_BYTES = 9

/** What every chunk of Automerge's format begins with. */
const magic = Uint8Array.of(0x85, 0x6f, 0x4a, 0x83)

/** The operations that store `bytes` under the numbers from `first` on, in pieces that a store takes. */
export function putChunks(id: string, first: number, bytes: Uint8Array): StoreOperation[] {
  const count = Math.ceil(bytes.length / MAX_CHUNK_BYTES)
  if (count === 1) return [putChunk(id, first, bytes)]
  return Array.from({ length: count }, (_, at) => {
    const value = bytes.subarray(at * MAX_CHUNK_BYTES, (at + 1) * MAX_CHUNK_BYTES)
    return putChunk(id, first + at, value)
  })
}

/** Puts a whole document behind the chunks that are there, and tells where it lies then. */
export function placeSnapshot(
  id: string,
  before: StoredDocument,
  saved: Uint8Array,
): {
  readonly puts: StoreOperation[]
  readonly placed: Omit<StoredDocument, 'arrival' | 'heads' | 'isClaimed'>
} {
  const firstChunk = before.firstChunk + before.chunkCount
  const puts = putChunks(id, firstChunk, saved)
  const placed = { firstChunk, chunkCount: puts.length, snapshotBytes: saved.length, laterBytes: 0 }
  return { puts, placed }
}

/** The operations that take away so many chunks. */
export function deleteChunks(id: string, first: number, count: number): StoreOperation[] {
  return Array.from({ length: count }, (_, at) => ({
    type: 'delete',
    key: chunkKey(id, first + at),
  }))
}

/** The document in these chunks, or `undefined` when they are damaged or not what they claimed to be. */
export function openChunks(chunks: readonly Uint8Array[], actor: string): AnyDocument | undefined {
  const bytes = concatBytes(...chunks)
  if (bytes.length === 0) return Automerge.init({ actor })
  try {
    const doc: AnyDocument = Automerge.load(bytes, { actor })
    const later = splitChunks(bytes).filter((chunk) => chunk[CHUNK_HEADER_BYTES - 1] !== 0)
    if (areStoredSound(doc, later)) return doc
    discard(doc)
  } catch {
    // Its parts may be sound.
  }
  return undefined
}

/** What can be read of damaged chunks. */
export function salvage(chunks: readonly Uint8Array[], actor: string): AnyDocument {
  let doc: AnyDocument = Automerge.init({ actor })
  for (const whole of joinPieces(chunks)) {
    const parts = splitChunks(whole)
    // Most damage is skipped, some throws; either way the next chunk may be sound.
    doc = tryOn(doc, (copy) => Automerge.loadIncremental(copy, whole)) ?? addSound(doc, parts)
  }
  return doc
}

/**
 * Adds those of the changes that can be applied. What fails does so on a copy: Automerge leaves
 * a document that it could not change in pieces.
 */
export function addSound(doc: AnyDocument, changes: readonly Uint8Array[]): AnyDocument {
  if (changes.length === 0) return doc
  const all = tryOn(doc, (copy) => Automerge.applyChanges(copy, [...changes])[0])
  if (all) return all
  if (changes.length === 1) return doc
  const middle = changes.length >> 1
  return addSound(addSound(doc, changes.slice(0, middle)), changes.slice(middle))
}

/** Frees a document that Automerge may have left in pieces. */
export function discard(doc: AnyDocument): void {
  try {
    Automerge.free(doc)
  } catch {
    // Whoever let go of it in the middle of a call holds it for ever.
  }
}

/** The document after the task, or `undefined`; the former one is gone if it succeeds. */
function tryOn(
  doc: AnyDocument,
  task: (copy: AnyDocument) => AnyDocument,
): AnyDocument | undefined {
  const copy = Automerge.clone(doc, { actor: Automerge.getActorId(doc) })
  try {
    const result = task(copy)
    if (areSoundSince(result, Automerge.getHeads(doc))) {
      Automerge.free(doc)
      return result
    }
  } catch {
    // What it has left is of no use.
  }
  discard(copy)
  return undefined
}

/** The chunks of Automerge's format in these bytes, up to the first that is none. */
function splitChunks(bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = []
  const cursor = new ChunkCursor(bytes)
  try {
    while (!cursor.isAtEnd) {
      const { position } = cursor
      cursor.take(CHUNK_HEADER_BYTES)
      cursor.take(cursor.unsigned())
      chunks.push(bytes.subarray(position, cursor.position))
    }
  } catch (error) {
    if (!isSyncError(error)) throw error
  }
  return chunks
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
