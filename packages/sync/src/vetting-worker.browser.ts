/** The program of the Web Worker that `vetting-program.browser.ts` names: as `vetting-worker.ts`. */
import { answerTo } from './vetting-answer.ts'
import type { VettingAnswer } from './vetting.ts'

globalThis.addEventListener(
  'message',
  ({ data }: MessageEvent<readonly Uint8Array[]>) => tell(answerTo(data)),
  { once: true },
)
// Before it, messages are lost: Automerge is loaded in a top-level await.
tell({ type: 'ready' })

function tell(answer: VettingAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker, not a window
  globalThis.postMessage(answer)
}
