import type { ReplicaEvent } from './replica-effects.ts'

/** Somebody who waits for the replica to get somewhere. */
interface Waiter {
  readonly onEvent: (event: ReplicaEvent) => void
  readonly reject: (error: unknown) => void
}

/** Everybody who waits. */
export type Waiters = Set<Waiter>

/**
 * Settles when `isDone` holds, looked at now and after each event.
 *
 * @param options.onEvent - Sees each event before `isDone` is asked.
 */
export async function waitUntil(
  waiters: Waiters,
  isDone: () => boolean,
  options: {
    readonly signal: AbortSignal | undefined
    readonly onEvent?: (event: ReplicaEvent) => void
  },
): Promise<void> {
  const { signal, onEvent } = options
  signal?.throwIfAborted()
  if (isDone()) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const waiter: Waiter = {
    onEvent: (event) => {
      onEvent?.(event)
      if (isDone()) resolve()
    },
    reject,
  }
  const onAbort = (): void => reject(signal?.reason)
  waiters.add(waiter)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
  } finally {
    waiters.delete(waiter)
    signal?.removeEventListener('abort', onAbort)
  }
}
