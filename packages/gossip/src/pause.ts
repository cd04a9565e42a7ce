import { MAX_REOPEN_MS, OVERLAY_GOODBYE_MS, REOPEN_MS } from './limits.ts'

/** Milliseconds to wait before a channel is opened again that failed `failures` times in a row, from 1 on. */
export function reopenDelayMs(failures: number): number {
  return Math.min(MAX_REOPEN_MS, REOPEN_MS * 2 ** Math.max(0, Math.min(16, failures - 1)))
}

/** Settles after `waitMs`; rejects with the signal's reason when it is aborted before. */
export function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  if (signal.aborted) return Promise.reject(toError(signal.reason))
  const onAbort = (): void => reject(toError(signal.reason))
  const timer = setTimeout(resolve, waitMs)
  signal.addEventListener('abort', onAbort, { once: true })
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  })
}

/** Waits for a peer's goodbye, but not for long. */
export async function settledSoon(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const patience = new AbortController()
  const waiting = pause(OVERLAY_GOODBYE_MS, AbortSignal.any([signal, patience.signal]))
  try {
    await Promise.race([promise, waiting])
  } catch {
    // Closed meanwhile: nothing is left to wait for.
  } finally {
    patience.abort()
    waiting.catch(() => {})
  }
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
