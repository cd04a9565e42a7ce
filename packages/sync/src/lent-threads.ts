import type { VettingListener, VettingThread } from './vetting-thread.ts'

/* A SharedWorker has no workers of its own (Chromium 156: `Worker` is not defined in it): its pages lend theirs. */

/** A page that starts workers for a SharedWorker. */
export interface ThreadLender {
  start(listener: VettingListener): VettingThread
}

/** Of this worker, whose pages come and go. */
const lenders = new Set<ThreadLender>()
/** Whoever waits for a page. */
const waiting = new Set<() => void>()

/** @returns Takes it back. Its threads are lost by themselves. */
export function addLender(lender: ThreadLender): () => void {
  lenders.add(lender)
  for (const start of waiting) start()
  return () => lenders.delete(lender)
}

/** Starts a thread in any page; where there is none, as soon as one comes. */
export function lendThread(listener: VettingListener): VettingThread {
  let thread: VettingThread | undefined
  const start = (): void => {
    // The page that came last: it is the one that somebody looks at, and browsers slow down others.
    const lender = [...lenders].at(-1)
    if (!lender) return
    waiting.delete(start)
    thread = lender.start(listener)
  }
  waiting.add(start)
  start()
  return {
    post: (pieces) => thread?.post(pieces),
    cpuMs: () => Promise.resolve(undefined),
    end: async () => {
      waiting.delete(start)
      await thread?.end()
    },
  }
}
