import { createWaiters } from './waiters.ts'

/** What comes in while nobody waits for it, for one who reads at her own pace. */
export interface News<T> extends AsyncIterable<T> {
  /** Adds one; at the limit the oldest goes. Ignored after {@link end}. */
  put(item: T): void
  /** Ends the iteration, when what is kept has been read. */
  end(): void
}

/**
 * Makes an empty one that keeps at most `limit`.
 *
 * @param onLeave - Called when the reader leaves the iteration.
 */
export function createNews<T>(limit: number, onLeave?: () => void): News<T> {
  return new Queue(limit, onLeave)
}

/** By hand and no generator: one of those cannot be left while it waits. */
class Queue<T> implements News<T>, AsyncIterator<T, undefined> {
  readonly #limit: number
  readonly #onLeave: (() => void) | undefined
  readonly #items: T[] = []
  readonly #readers = createWaiters<IteratorResult<T, undefined>>()
  #isEnded = false

  constructor(limit: number, onLeave: (() => void) | undefined) {
    this.#limit = limit
    this.#onLeave = onLeave
  }

  put(item: T): void {
    if (this.#isEnded || this.#readers.resolveFirst({ done: false, value: item })) return
    this.#items.push(item)
    if (this.#items.length > this.#limit) this.#items.shift()
  }

  end(): void {
    this.#isEnded = true
    this.#readers.resolveAll(over)
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const [value] = this.#items.splice(0, 1)
    if (value !== undefined) return Promise.resolve({ done: false, value })
    return this.#isEnded ? Promise.resolve(over) : this.#readers.wait(undefined)
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#items.length = 0
    this.end()
    this.#onLeave?.()
    return Promise.resolve(over)
  }
}

const over = { done: true, value: undefined } as const
