import { sameHeads } from './document-heads.ts'

/** How many changes there are in the history of some heads. */
export interface CountedHistory {
  /** Sorted. */
  readonly heads: readonly string[]
  readonly changes: number
}

/** The number of changes up to these heads, if it was counted. */
export function changesUpTo(
  counted: readonly CountedHistory[],
  heads: readonly string[],
): number | undefined {
  const sorted = heads.toSorted()
  return counted.find((one) => sameHeads(one.heads, sorted))?.changes
}
