/**
 * Waits for a call of the stack until the signal fires, and rejects with its reason
 * then: the stack itself can neither be aborted nor told a time limit.
 *
 * @param discard - Takes what comes too late.
 */
export async function orAbandon<T>(
  work: Promise<T>,
  signal: AbortSignal,
  discard: (late: T) => void,
): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([aborted.promise, work])
  } catch (error) {
    // An error that comes too late is nobody's: whoever asked has been told another one.
    if (signal.aborted) work.then(discard, () => undefined)
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Waits for `work`, but not longer than `ms`. Never rejects; true when it has settled well in time. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => late.resolve(false), ms)
  const done = work.then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([done, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
