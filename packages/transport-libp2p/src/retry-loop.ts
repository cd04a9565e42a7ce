import { MAX_RETRY_MS, MIN_RETRY_MS } from './limits.ts'

/** Something that is tried until it works, and then again at intervals. */
export interface RetryLoop {
  /** Settles when the first try has ended, and rejects as it did. */
  readonly first: Promise<void>
  /** No more tries. The one under way is aborted and waited for. */
  stop(): Promise<void>
}

/** What {@link startRetryLoop} takes. */
export interface RetryLoopInit {
  /** One try. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Milliseconds until it is done again after it worked; left out: never. */
  readonly againMs?: number | undefined
  /** The first of these waits, which doubles up to `againMs`; left out: `againMs`. */
  readonly firstAgainMs?: number | undefined
  /** 0 to 1: spreads the waits, so that nodes that began together do not go on together. */
  readonly random?: (() => number) | undefined
}

/** Begins at once. A try that fails is followed by another one after twice the wait. */
export function startRetryLoop(init: RetryLoopInit): RetryLoop {
  const stopping = new AbortController()
  const first = Promise.withResolvers<void>()
  // Whoever does not ask for the first result loses nothing: the loop goes on.
  first.promise.catch(() => undefined)
  const done = loop(init, stopping.signal, first)
  return {
    first: first.promise,
    async stop() {
      stopping.abort(new Error('no longer wanted'))
      await done
    },
  }
}

async function loop(
  { run, againMs, firstAgainMs = againMs, random = Math.random }: RetryLoopInit,
  signal: AbortSignal,
  first: PromiseWithResolvers<void>,
): Promise<void> {
  let waitMs = MIN_RETRY_MS
  let workedMs = firstAgainMs
  while (!signal.aborted) {
    let nextMs = workedMs
    try {
      // One try after the other is what a retry is.
      // oxlint-disable-next-line no-await-in-loop
      await run(signal)
      first.resolve()
      waitMs = MIN_RETRY_MS
      workedMs = Math.min(2 * (workedMs ?? 0), againMs ?? 0) || undefined
    } catch (error) {
      first.reject(error)
      nextMs = waitMs
      waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)
    }
    if (nextMs === undefined) return
    // oxlint-disable-next-line no-await-in-loop
    await wait(nextMs * (1 + random() / 4), signal)
  }
  first.reject(signal.reason)
}

/** Settles after `ms`, or when the signal fires. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) return Promise.resolve()
  const onAbort = (): void => {
    clearTimeout(timer)
    resolve()
  }
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', onAbort)
    resolve()
  }, ms)
  signal.addEventListener('abort', onAbort, { once: true })
  return promise
}
