/** Opens one document and says what came of it: the program of the thread that `vetting.ts` starts, and ends when it takes too long. */
import * as Automerge from '@automerge/automerge'
import { parentPort } from 'node:worker_threads'
import { checkContent } from './content-check.ts'
import type { AnyDocument } from './document-state.ts'
import type { VettingAnswer } from './vetting.ts'

parentPort?.once('message', (pieces: readonly Uint8Array[]) => tell(answerTo(pieces)))
// The time counts from here: what Automerge itself needs to start is nobody's fault.
tell({ type: 'ready' })

function answerTo(pieces: readonly Uint8Array[]): VettingAnswer {
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

function tell(answer: VettingAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer)
}
