import * as Automerge from '@automerge/automerge'
import { keyColumns } from './automerge-chunks.ts'
import type { AnyDocument } from './document-state.ts'
import { isSyncError } from './errors.ts'
import { blocksOf } from './text-blocks.ts'

/** What a document holds in the place of a blob: a map with these keys. */
export interface BlobReference {
  /** BLAKE3-256 of the blob's bytes, 64 characters of hex in lower case. */
  readonly $blob: string
  /** Bytes of the blob. */
  readonly size: number
  /** A media type: `image/jpeg`. */
  readonly type?: string | undefined
}

const hashPattern = /^[0-9a-f]{64}$/

/** Tells whether a text names a blob: 64 characters of hex in lower case. */
export function isBlobHash(text: string): boolean {
  return hashPattern.test(text)
}

/** Tells whether a value of a document is a reference to a blob. */
export function isBlobReference(value: unknown): value is BlobReference {
  if (blobHashIn(value) === undefined) return false
  const { size, type }: { readonly size?: unknown; readonly type?: unknown } = Object(value)
  const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
  return isSize && (type === undefined || typeof type === 'string')
}

/** A value of a document, and where it lies; without a place when it is out of a conflict or a block. */
interface Found {
  readonly value: unknown
  readonly path?: readonly Automerge.Prop[]
}

/**
 * The blobs that an open document names, also in blocks of its texts, and in values that
 * lost a conflict: they can still be taken. A map names one by its hash alone, so that a mistake in
 * the rest of it loses no blob. Without recursion, which a deep document would exhaust.
 */
export function blobHashesOf(doc: AnyDocument): ReadonlySet<string> {
  const hashes = new Set<string>()
  const open: Found[] = [{ value: doc, path: [] }]
  for (let found = open.pop(); found; found = open.pop()) {
    const { value, path } = found
    if (typeof value === 'string' && path) {
      for (const block of blocksOf(doc, path, value)) open.push({ value: block })
    }
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue
    const hash = blobHashIn(value)
    if (hash !== undefined) hashes.add(hash)
    const places = Array.isArray(value) ? value.keys() : Object.keys(value)
    for (const place of places) for (const one of valuesAt(found, value, place)) open.push(one)
  }
  return hashes
}

/** The value of a place, and those beside it that several wrote at once. */
function valuesAt({ path }: Found, parent: object, place: Automerge.Prop): Found[] {
  const value: unknown = Reflect.get(parent, place)
  const shown: Found = path ? { value, path: [...path, place] } : { value }
  try {
    const conflicts = Object.values(Automerge.getConflicts(parent, place) ?? {})
    return [shown, ...conflicts.map((one) => ({ value: one }))]
  } catch {
    // What came out of a conflict, or a value of a class, has no places of its own.
    return [shown]
  }
}

function blobHashIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '$blob')) {
    return undefined
  }
  const named: unknown = Reflect.get(value, '$blob')
  const text = Automerge.isImmutableString(named) ? named.toString() : named
  return typeof text === 'string' && isBlobHash(text) ? text : undefined
}

const keyBytes = new TextEncoder().encode('$blob')

/**
 * Tells whether a stored document can name blobs, without opening it: whether anything in
 * its history writes the key `$blob`. True also where that cannot be told.
 */
export function mayNameBlobs(stored: Uint8Array): boolean {
  try {
    return keyColumns(stored).some((column) => includesBytes(column, keyBytes))
  } catch (error) {
    if (!isSyncError(error)) throw error
    return true
  }
}

function includesBytes(bytes: Uint8Array, wanted: Uint8Array): boolean {
  const [first = 0] = wanted
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, offset) => bytes[at + offset] === byte)) return true
  }
  return false
}
