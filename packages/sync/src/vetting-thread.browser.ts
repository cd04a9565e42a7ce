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
  const worker = startedWorker(listener)
  if (!worker) return noThread
  let isReady = false
  worker.addEventListener('message', ({ data }: MessageEvent<VettingAnswer>) => {
    isReady ||= data.type === 'ready'
    listener.onAnswer(data)
  })
  worker.addEventListener('error', ({ message }) => {
    // A program that cannot be loaded, for want of a network, says nothing about a document.
    if (isReady) listener.onFailed(message || 'its worker ended')
    else listener.onLost(message || 'its program cannot be loaded')
  })
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker, not a window
    post: (pieces) => worker.postMessage(pieces),
    cpuMs: () => Promise.resolve(undefined),
    end: () => Promise.resolve(worker.terminate()),
  }
}

const noThread: VettingThread = {
  post: () => {},
  cpuMs: () => Promise.resolve(undefined),
  end: () => Promise.resolve(),
}

/** `undefined`, and the listener told, where the browser refuses: a policy of the page forbids it, or the page has no address to load it from. */
function startedWorker(listener: VettingListener): Worker | undefined {
  try {
    return startVettingWorker()
  } catch (error) {
    listener.onLost(String(error))
    return undefined
  }
}
