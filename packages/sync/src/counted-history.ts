import { sameHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'

/** How many changes there are in the history of some heads. */
export interface CountedHistory {
  /** Sorted. */
  readonly heads: readonly string[]
  readonly changes: number
}

/** Few documents are merged as a whole, so it lies beside them. */
const countedByDocument = new WeakMap<DocumentState, readonly CountedHistory[]>()

/** Remembers what was here, and what came, when much was brought into a document: what is new since then needs no gathering. */
export function noteCounted(state: DocumentState, counted: readonly CountedHistory[]): void {
  countedByDocument.set(state, counted)
}

/** The number of changes up to these heads, if it was counted. */
export function changesUpTo(state: DocumentState, heads: readonly string[]): number | undefined {
  const sorted = heads.toSorted()
  return countedByDocument.get(state)?.find((one) => sameHeads(one.heads, sorted))?.changes
}
