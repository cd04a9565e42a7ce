import * as Automerge from '@automerge/automerge'
import { sha256 } from '@vudo/identity'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import type { AnyDocument, DocumentState } from './document-state.ts'
import { MAX_ACKNOWLEDGED_HEADS } from './limits.ts'

/* The newest changes of a document, and what is kept of those that a peer has stored. */

/** The heads of a document, sorted, so that equal ones compare equal. */
export function headsOf(doc: AnyDocument): readonly string[] {
  return Automerge.getHeads(doc).toSorted()
}

/** Compares two sorted lists. */
export function sameHeads(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((head, index) => head === b[index])
}

/** What a peer has stored of a document: its heads, or the digest of heads that were too many to keep. */
export type Ack = readonly string[] | string

/** What is kept of an acknowledgement: the heads themselves tell what a peer lacks. */
export function toAck(state: DocumentState, heads: readonly string[]): Ack {
  const sorted = heads.toSorted()
  const own = ownHeads(state, sorted)
  if (own !== sorted) return own
  return sorted.length > MAX_ACKNOWLEDGED_HEADS ? digestOf(sorted) : sorted
}

/**
 * The list that a document has of these heads itself, if it has them. What peers tell is, most
 * often, what is here: one list for all of them.
 *
 * @param sorted - As they came, sorted.
 */
export function ownHeads(
  { heads, durableHeads }: DocumentState,
  sorted: readonly string[],
): readonly string[] {
  if (sameHeads(sorted, heads)) return heads
  return sameHeads(sorted, durableHeads) ? durableHeads : sorted
}

/** Tells whether an acknowledgement is one of these heads, which are sorted. */
export function isAckOf(ack: Ack | undefined, heads: readonly string[]): boolean {
  if (ack === undefined || ack === heads) return ack !== undefined
  return typeof ack === 'string' ? ack === digestOf(heads) : sameHeads(ack, heads)
}

/** Heads are compared with every acknowledgement, and never changed in place. */
const digests = new WeakMap<readonly string[], string>()

/** 16 bytes, as hex, that stand for a set of heads. */
export function digestOf(heads: readonly string[]): string {
  const known = digests.get(heads)
  if (known !== undefined) return known
  const digest = bytesToHex(sha256(hexToBytes(heads.toSorted().join(''))).subarray(0, 16))
  digests.set(heads, digest)
  return digest
}
