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

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
