import * as Automerge from '@automerge/automerge'
import { deflateIfSmaller } from './deflate.ts'
import type { DocumentState } from './document-state.ts'
import { MAX_BATCH_OVERHEAD_BYTES, MAX_DOCUMENT_BYTES, MAX_HAVE_HASHES } from './limits.ts'
import { encodeBatch, type ChangeBatch, type SyncMessage } from './wire.ts'

/** Changes that are worth sending one by one, however short the history. */
const fewChanges = 100
/** Raw changes below this many bytes do not shrink enough to be worth the time. */
const minDeflateBytes = 128
/** Bytes of a batch in one message, which leaves room for the message's head. */
const partBytes = 262_000

/**
 * What a peer lacks of an open document: everything that is not in the history of
 * `base`, whose changes must all be here. A saved document when that is more than a
 * third of the history, single changes otherwise (a saved document is compressed
 * much better, single changes are made at once).
 */
export function buildBatch(
  state: DocumentState,
  base: readonly string[],
  isAnswer: boolean,
): ChangeBatch {
  const doc = state.open
  const { heads } = state
  const missing = Automerge.getChangesMetaSince(doc, [...base])
  const { numChanges } = Automerge.stats(doc)
  const isMost =
    missing.length > 0 &&
    (base.length === 0 || (missing.length > fewChanges && missing.length > numChanges / 3))
  if (isMost) return savedBatch(state, isAnswer)
  const raw = missing.length === 0 ? new Uint8Array() : Automerge.saveSince(doc, [...base])
  // Saved, the whole of it may still fit: it is compressed much better.
  if (raw.length > MAX_DOCUMENT_BYTES) return savedBatch(state, isAnswer)
  const proofs = state.proofsOf(missing.map(({ actor }) => actor))
  const deflated = raw.length < minDeflateBytes ? undefined : deflateIfSmaller(raw)
  const payload = deflated ?? raw
  const isDeflated = deflated !== undefined
  return { isAnswer, isSaved: false, isDeflated, heads, proofs, payload }
}

function savedBatch(state: DocumentState, isAnswer: boolean): ChangeBatch {
  const { open, heads } = state
  const actors = Automerge.getChangesMetaSince(open, []).map(({ actor }) => actor)
  const proofs = state.proofsOf(actors)
  const payload = Automerge.save(open)
  return { isAnswer, isSaved: true, isDeflated: false, heads, proofs, payload }
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
 * Some hashes of a document's history, dense at the new end and ever thinner towards
 * the old one: a peer that went another way finds the fork to within a factor of two.
 */
export function sampleHistory(state: DocumentState): string[] {
  const history = Automerge.topoHistoryTraversal(state.open)
  const hashes: string[] = []
  for (let back = 1; back <= history.length && hashes.length < MAX_HAVE_HASHES; back *= 2) {
    const hash = history.at(-back)
    if (hash !== undefined) hashes.push(hash)
  }
  return hashes
}
