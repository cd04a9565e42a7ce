/** The program of the thread that `vetting-thread.ts` starts, and ends when it takes too long. */
import { parentPort } from 'node:worker_threads'
import { answerTo } from './vetting-answer.ts'
import type { VettingAnswer } from './vetting.ts'

parentPort?.once('message', (pieces: readonly Uint8Array[]) => tell(answerTo(pieces)))
// The time counts from here: what Automerge itself needs to start is nobody's fault.
tell({ type: 'ready' })

function tell(answer: VettingAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer)
}
