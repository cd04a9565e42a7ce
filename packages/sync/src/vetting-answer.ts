import * as Automerge from '@automerge/automerge'
import { checkContent } from './content-check.ts'
import type { AnyDocument } from './document-state.ts'
import type { VettingAnswer } from './vetting.ts'

/** Opens one document, whatever that costs, and says what came of it: what the program of a vetting thread does. */
export function answerTo(pieces: readonly Uint8Array[]): VettingAnswer {
  try {
    let doc: AnyDocument = Automerge.init()
    for (const piece of pieces) doc = Automerge.loadIncremental(doc, piece)
    checkContent(doc)
    const { numOps, numChanges } = Automerge.stats(doc)
    return { type: 'fine', operations: numOps, changes: numChanges, heads: Automerge.getHeads(doc) }
  } catch (error) {
    return { type: 'refused', reason: String(error) }
  }
}
