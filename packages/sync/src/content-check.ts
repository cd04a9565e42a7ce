import * as Automerge from '@automerge/automerge'
import type { AnyDocument } from './document-state.ts'
import { SyncError } from './errors.ts'
import { MAX_HEADS, MAX_VALUE_DEPTH } from './limits.ts'

/**
 * Refuses a document that no announcement can name.
 *
 * @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE`.
 */
export function assertHeads(doc: AnyDocument): void {
  if (Automerge.getHeads(doc).length <= MAX_HEADS) return
  throw new SyncError('ERR_DOCUMENT_TOO_LARGE', `a document has more than ${MAX_HEADS} heads`, {
    hint: 'edit the document: one edit joins its heads',
  })
}

/**
 * Refuses what would be poison to `JSON.stringify` and to prototypes; without recursion, or
 * it would fall to the same poison.
 *
 * @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE`, `ERR_VALUE_UNSUPPORTED`.
 */
export function checkContent(doc: AnyDocument): void {
  assertHeads(doc)
  const open: { value: unknown; depth: number }[] = [{ value: doc, depth: 0 }]
  for (let place = open.pop(); place; place = open.pop()) {
    const { value, depth } = place
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue
    if (depth > MAX_VALUE_DEPTH) throw tooDeep()
    for (const inner of Object.values(value)) open.push({ value: inner, depth: depth + 1 })
  }
}

/** What a document deeper than `MAX_VALUE_DEPTH` is refused with. */
export function tooDeep(): SyncError {
  return new SyncError('ERR_VALUE_UNSUPPORTED', `a document is deeper than ${MAX_VALUE_DEPTH}`, {
    hint: 'keep trees as lists of nodes that name their parent',
  })
}
