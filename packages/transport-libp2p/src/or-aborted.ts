/**
 * As `work`, but not later than the signal fires. What `work` does then is its own affair: an
 * error of it that comes later is not left unhandled.
 *
 * @throws `signal.reason` when the signal fires first; and as `work`.
 */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, work])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
