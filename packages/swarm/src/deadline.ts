import type { Runtime } from './runtime.ts'

/** A signal with a time limit, and its release. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Stops the clock and lets go of the other signals. */
  release(): void
}

/** Aborts with `makeError()` after `ms`, or with the reason of the first of `signals` that fires. */
export function startDeadline(
  runtime: Runtime,
  ms: number,
  makeError: () => Error,
  signals: readonly (AbortSignal | undefined)[],
): Deadline {
  const controller = new AbortController()
  const releases = signals.map((signal) => follow(signal, controller))
  releases.push(
    runtime.setTimer(ms, () => {
      controller.abort(makeError())
    }),
  )
  return {
    signal: controller.signal,
    release: () => {
      for (const release of releases) release()
    },
  }
}

function follow(signal: AbortSignal | undefined, controller: AbortController): () => void {
  const onAbort = (): void => {
    controller.abort(signal?.reason)
  }
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return () => {
    signal?.removeEventListener('abort', onAbort)
  }
}

/**
 * Waits for `work` until the signal fires, and then rejects with its reason even if
 * the work does not listen to the signal. What comes too late goes to `discard`.
 */
export function orAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  discard: (late: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason)
    }
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    const onValue = (value: T): void => {
      signal.removeEventListener('abort', onAbort)
      if (signal.aborted) discard(value)
      else resolve(value)
    }
    const onError = (error: unknown): void => {
      signal.removeEventListener('abort', onAbort)
      reject(signal.aborted ? signal.reason : error)
    }
    work.then(onValue, onError)
  })
}
