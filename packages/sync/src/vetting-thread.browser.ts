/**
 * As `vetting-thread.ts`, a Web Worker. Browsers tell nobody how much CPU a worker has used, so
 * the clock counts, and they bound its memory no closer than WebAssembly's own 4 GiB: the limits of the static
 * pass, and the time, are what stops a document.
 */
import { lendThread } from './lent-threads.ts'
import { startVettingWorker } from './vetting-program.browser.ts'
import type { VettingAnswer } from './vetting.ts'
import type { VettingListener, VettingThread } from './vetting-thread.ts'

/** Starts one; in a SharedWorker, which has no workers of its own, a page does it. */
export function startVettingThread(listener: VettingListener): VettingThread {
  if (typeof Worker !== 'function') return lendThread(listener)
  return ownThread(listener)
}

/** In a page, or in a worker of its own. */
export function ownThread(listener: VettingListener): VettingThread {
  const worker = startVettingWorker()
  let isReady = false
  worker.addEventListener('message', ({ data }: MessageEvent<VettingAnswer>) => {
    isReady ||= data.type === 'ready'
    listener.onAnswer(data)
  })
  worker.addEventListener('error', ({ message }) => {
    // A program that cannot be loaded, for want of a network, says nothing about a document.
    if (isReady) listener.onFailed(message || 'its worker ended')
    else listener.onLost()
  })
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker, not a window
    post: (pieces) => worker.postMessage(pieces),
    cpuMs: () => Promise.resolve(undefined),
    end: () => Promise.resolve(worker.terminate()),
  }
}
