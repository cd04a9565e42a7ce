/** Waiting with an end: what can be aborted, what has to be waited for. */
import type { EventHub } from '@vudo/events'
import { NetworkError } from './errors.ts'
import type { NetworkEvents } from './network.ts'
import type { Session } from './session.ts'

/** Work that somebody has to wait for before everything is released. */
export class Tasks {
  readonly #tasks = new Set<Promise<unknown>>()

  /** Keeps `task` until it settles, and returns it. */
  add<Value>(task: Promise<Value>): Promise<Value> {
    const kept: Promise<unknown> = task.then(
      () => this.#tasks.delete(kept),
      () => this.#tasks.delete(kept),
    )
    this.#tasks.add(kept)
    return task
  }

  /** Settles when nothing is left, what was added meanwhile included. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
  }
}

/** `promise`, or the signal's reason when that comes first. */
export async function abortable<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return promise
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Settles when `condition` holds after a session started or went on, or when the time is over. */
export async function waitFor(
  condition: () => boolean,
  events: EventHub<NetworkEvents>,
  { signal, withinMs }: { readonly signal: AbortSignal; readonly withinMs: number },
): Promise<void> {
  if (condition()) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = (): void => {
    if (condition()) resolve()
  }
  const unsubscribes = [events.on('session:started', look), events.on('session:resumed', look)]
  const timer = setTimeout(resolve, withinMs)
  try {
    await abortable(promise, signal)
  } finally {
    clearTimeout(timer)
    for (const unsubscribe of unsubscribes) unsubscribe()
  }
}

/**
 * Settles when `session` has a shared database.
 *
 * @throws `NetworkError` with which the session ended before.
 */
export async function whenShared(
  session: Session,
  events: EventHub<NetworkEvents>,
  signal: AbortSignal,
): Promise<void> {
  if (session.databases.size > 0) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const unsubscribe = events.on('database:shared', (event) => {
    if (event.session === session) resolve()
  })
  // Owned: `closed` never rejects, and it settles at the latest when the network stops.
  void session.closed.then(({ error }) =>
    reject(error ?? new NetworkError('ERR_SESSION_CLOSED', 'the session was closed')),
  )
  try {
    await abortable(promise, signal)
  } finally {
    unsubscribe()
  }
}
