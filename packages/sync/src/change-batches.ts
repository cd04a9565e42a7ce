import * as Automerge from '@automerge/automerge'
import {
  actorsOfSaved,
  outlineChanges,
  tableOfSaved,
  type ChangeOutline,
} from './automerge-chunks.ts'
import { newSince } from './change-table.ts'
import { changesUpTo } from './counted-history.ts'
import { deflateIfSmaller } from './deflate.ts'
import { isSyncError } from './errors.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import { MAX_BATCH_OVERHEAD_BYTES, MAX_DOCUMENT_BYTES, MAX_HAVE_HASHES } from './limits.ts'
import { encodeBatch, type ChangeBatch } from './batch-wire.ts'
import type { SyncMessage } from './wire.ts'

/** Changes that are worth sending one by one, however short the history. */
const fewChanges = 100
/** Changes from which on a bundle is smaller than they are one by one. */
const minBundledChanges = 5
/** Raw changes below this many bytes do not shrink enough to be worth the time. */
const minDeflateBytes = 128
/** Operations from which on it is worth guessing whether most of a document is missing. */
const manyOperations = 1_000
/** Bytes of a batch in one message, which leaves room for the message's head. */
const partBytes = 262_000

/** How a batch is to be made. */
export interface BatchOptions {
  readonly isAnswer: boolean
  /** The far end understands bundles. */
  readonly allowsBundle: boolean
}

/**
 * What a peer lacks of an open document: everything that is not in the history of
 * `base`, whose changes must all be here. A saved document when that is more than a
 * third of the history, otherwise a bundle (a hundred times smaller than single
 * changes), or single changes when they are few or the peer knows no bundles.
 */
export function buildBatch(
  state: DocumentState,
  base: readonly string[],
  { isAnswer, allowsBundle }: BatchOptions,
): ChangeBatch {
  const { open: doc, heads } = state
  if (base.length === 0 || isMostOf(state, base)) return savedBatch(state, base, isAnswer)
  const raw = Automerge.saveSince(doc, [...base])
  const missing = raw.length > MAX_DOCUMENT_BYTES ? undefined : outlineSafely(raw)
  const { numChanges } = Automerge.stats(doc)
  const isMost = missing && missing.length > fewChanges && missing.length > numChanges / 3
  // Too large as changes, the whole of it may still fit saved: it is compressed much better.
  if (!missing || isMost) return savedBatch(state, base, isAnswer)
  const proofs = state.proofsOf(missing.map(({ actor }) => actor))
  const batch = { isAnswer, isSaved: false, heads, proofs }
  if (allowsBundle && missing.length >= minBundledChanges) {
    const payload = Automerge.saveBundle(
      doc,
      missing.map(({ hash }) => hash()),
    )
    if (payload.length < raw.length) return { ...batch, isDeflated: false, payload }
  }
  const deflated = raw.length < minDeflateBytes ? undefined : deflateIfSmaller(raw)
  return { ...batch, isDeflated: deflated !== undefined, payload: deflated ?? raw }
}

function outlineSafely(raw: Uint8Array): readonly ChangeOutline[] | undefined {
  try {
    return outlineChanges(raw)
  } catch (error) {
    if (!isSyncError(error)) throw error
    return undefined
  }
}

/**
 * Tells, without gathering thousands of changes, that most of a document is new since `base`: by
 * their count, or else by the numbers of operations, which say little of what was made at the same time.
 */
export function isMostOf(state: DocumentState, base: readonly string[]): boolean {
  const { open, heads } = state
  const { numChanges } = Automerge.stats(open)
  if (numChanges <= 3 * fewChanges) return false
  const before = changesUpTo(state, base)
  if (before !== undefined) return numChanges - before > numChanges / 3
  return isMuchSince(state, base) && addedSince(state, base) > lastOf(open, heads) / 3
}

/** Tells whether bringing in what is new in an open document since `base` takes noticeable time: a tenth of a second and more. */
export function isMuchSince(state: DocumentState, base: readonly string[]): boolean {
  return addedSince(state, base) > manyOperations
}

function addedSince({ open, heads }: DocumentState, base: readonly string[]): number {
  return lastOf(open, heads) - lastOf(open, base)
}

function lastOf(open: AnyDocument, hashes: readonly string[]): number {
  const backend = Automerge.getBackend(open)
  return Math.max(0, ...hashes.map((hash) => backend.getChangeMetaByHash(hash)?.maxOp ?? 0))
}

function savedBatch(state: DocumentState, base: readonly string[], isAnswer: boolean): ChangeBatch {
  const { open, heads } = state
  const payload = Automerge.save(open)
  const proofs = state.proofsOf(actorsSince(state, payload, base))
  return { isAnswer, isSaved: true, isDeflated: false, heads, proofs, payload }
}

/** Actors with changes that are not in the history of `base`. */
function actorsSince(
  { open }: DocumentState,
  saved: Uint8Array,
  base: readonly string[],
): readonly string[] {
  const table = base.length > 0 ? tableOfSaved(saved) : undefined
  if (!table) return actorsOfSaved(saved)
  const backend = Automerge.getBackend(open)
  return newSince(table, base.map((hash) => backend.getChangeMetaByHash(hash)).filter(isThere))
    .actors
}

function isThere<Value>(value: Value | null): value is Value {
  return value !== null
}

/** The messages that carry a batch, or `undefined` when it is too large for the far end to take. */
export function toParts(
  id: string,
  batch: ChangeBatch,
): (SyncMessage & { type: 'part' })[] | undefined {
  const bytes = encodeBatch(batch)
  const overhead = bytes.length - batch.payload.length
  if (batch.payload.length > MAX_DOCUMENT_BYTES || overhead > MAX_BATCH_OVERHEAD_BYTES) {
    return undefined
  }
  const parts: (SyncMessage & { type: 'part' })[] = []
  for (let offset = 0; offset < bytes.length; offset += partBytes) {
    const part = bytes.subarray(offset, offset + partBytes)
    parts.push({ type: 'part', id, totalBytes: bytes.length, offset, bytes: part })
  }
  return parts
}

/**
 * Some hashes of a document's history besides its heads, dense at the new end and ever thinner
 * towards the old one: a peer that went another way finds the fork to within a factor of two.
 */
export function sampleHistory(state: DocumentState): string[] {
  const history = Automerge.topoHistoryTraversal(state.open)
  const hashes: string[] = []
  for (let back = 1; back <= history.length && hashes.length < MAX_HAVE_HASHES; back *= 2) {
    const hash = history.at(-back)
    if (hash !== undefined && !state.heads.includes(hash)) hashes.push(hash)
  }
  return hashes
}
