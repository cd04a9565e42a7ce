/** A call that waits. */
export interface Waiter<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/**
 * Makes a waiter that also ends when the signal fires.
 *
 * @param onAbort - Called in the turn in which the signal fires, before anybody learns of it.
 */
export function createWaiter<T>(
  signal: AbortSignal | undefined,
  onAbort: (waiter: Waiter<T>) => void,
): Waiter<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  // Most calls have no signal, and a listener costs more than the wait.
  if (!signal) return { promise, resolve, reject }
  const abort = (): void => {
    onAbort(waiter)
    reject(signal.reason)
  }
  signal.addEventListener('abort', abort, { once: true })
  const leave = (): void => signal.removeEventListener('abort', abort)
  const waiter: Waiter<T> = {
    promise,
    resolve(value) {
      leave()
      resolve(value)
    },
    reject(error) {
      leave()
      reject(error)
    },
  }
  return waiter
}
