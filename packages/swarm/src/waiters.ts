/** Calls that wait for the same thing, in the order in which they came. */
export interface Waiters<T> {
  /**
   * Joins the queue.
   *
   * @throws `signal.reason` when the signal fires first; the place is given up then.
   */
  wait(signal: AbortSignal | undefined): Promise<T>
  /** As {@link wait}, for one who is let go by name instead of by turn. */
  join(signal: AbortSignal | undefined): Waiter<T>
  /** Lets the first one go; false when nobody waits. */
  resolveFirst(value: T): boolean
  /** Lets everybody go. */
  resolveAll(value: T): void
  /** Sends everybody away. */
  rejectAll(error: unknown): void
}

/** Makes an empty queue. Its length is bounded by whoever calls `wait`: one place per pending call. */
export function createWaiters<T>(): Waiters<T> {
  return new WaiterQueue()
}

/** One place in the queue. */
export interface Waiter<T> {
  readonly promise: Promise<T>
  /** Lets this one go. Without effect when it has gone. */
  resolve(value: T): void
  reject(error: unknown): void
}

class WaiterQueue<T> implements Waiters<T> {
  /** An array and no Set: a Set that lives long is built anew in the old generation every few turns. */
  #waiters: Waiter<T>[] = []

  wait(signal: AbortSignal | undefined): Promise<T> {
    return this.join(signal).promise
  }

  join(signal: AbortSignal | undefined): Waiter<T> {
    const waiter = new QueuedWaiter<T>(this.#remove, signal)
    this.#waiters.push(waiter)
    return waiter
  }

  resolveFirst(value: T): boolean {
    const first = this.#waiters[0]
    first?.resolve(value)
    return first !== undefined
  }

  resolveAll(value: T): void {
    for (const waiter of this.#waiters.slice()) waiter.resolve(value)
  }

  rejectAll(error: unknown): void {
    for (const waiter of this.#waiters.slice()) waiter.reject(error)
  }

  readonly #remove = (waiter: Waiter<T>): void => {
    if (this.#waiters[0] === waiter) {
      this.#waiters.shift()
      return
    }
    const at = this.#waiters.indexOf(waiter)
    if (at > 0) this.#waiters.splice(at, 1)
  }
}

/** Without a closure per method: there is one of these for every message that waits. */
class QueuedWaiter<T> implements Waiter<T> {
  readonly promise: Promise<T>
  readonly #leave: (waiter: Waiter<T>) => void
  readonly #signal: AbortSignal | undefined
  readonly #onAbort: (() => void) | undefined
  #resolve!: (value: T) => void
  #reject!: (error: unknown) => void

  constructor(leave: (waiter: Waiter<T>) => void, signal: AbortSignal | undefined) {
    this.#leave = leave
    this.#signal = signal
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Most calls have no signal, and a listener costs more than the wait.
    if (signal === undefined) return
    this.#onAbort = () => this.reject(signal.reason)
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  resolve(value: T): void {
    this.#release()
    this.#resolve(value)
  }

  reject(error: unknown): void {
    this.#release()
    this.#reject(error)
  }

  #release(): void {
    this.#leave(this)
    if (this.#onAbort) this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}
