import { DEFAULT_BUFFER_EVENTS, MAX_BUFFER_EVENTS } from './limits.ts'

/**
 * The events of a hub from the call of `subscribe` on, taken at the reader's own
 * pace. One reader at a time: a second subscription is cheap.
 *
 * Leaving a `for await` loop ends it, as do {@link close}, the signal that was
 * given, and the end of the hub.
 */
export interface Subscription<Item> extends AsyncIterableIterator<Item, undefined>, Disposable {
  /** Events that were discarded, oldest first, because the reader was behind by more than the buffer. */
  readonly dropped: number
  /**
   * The next event; waits for one.
   *
   * @throws `TypeError` when an earlier call is still waiting: two readers would each see half of the events.
   */
  next(): Promise<IteratorResult<Item, undefined>>
  /** Ends it and discards what is buffered. */
  return(): Promise<IteratorResult<Item, undefined>>
  [Symbol.asyncIterator](): Subscription<Item>
  /** As {@link return}, at once. Idempotent. */
  close(): void
}

/** The buffer between a hub that never waits and one reader that may. */
export class EventQueue<Item> implements Subscription<Item> {
  readonly #bufferSize: number
  readonly #onEnd: () => void
  #buffered: Item[] = []
  #waiting: ((result: IteratorResult<Item, undefined>) => void) | undefined
  #isEnded = false
  #dropped = 0

  /** @param onEnd - Called once, when no more events are wanted. */
  constructor(bufferSize: number | undefined, onEnd: () => void) {
    this.#bufferSize = checkedBufferSize(bufferSize)
    this.#onEnd = onEnd
  }

  get dropped(): number {
    return this.#dropped
  }

  /** Hands over one event and tells whether an older one had to go. */
  push(item: Item): boolean {
    const waiting = this.#waiting
    if (waiting) {
      this.#waiting = undefined
      waiting({ done: false, value: item })
      return false
    }
    this.#buffered.push(item)
    if (this.#buffered.length <= this.#bufferSize) return false
    this.#buffered.shift()
    this.#dropped += 1
    return true
  }

  /** No more events come. What is buffered can still be read: it happened before the end. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#onEnd()
    this.#waiting?.({ done: true, value: undefined })
    this.#waiting = undefined
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#buffered.length > 0) {
      // The length was checked; `Item` itself may be undefined.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return Promise.resolve({ done: false, value: this.#buffered.shift() as Item })
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    if (this.#waiting) return Promise.reject(new TypeError('a subscription has one reader'))
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  close(): void {
    this.#buffered = []
    this.end()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.dispose](): void {
    this.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }
}

function checkedBufferSize(bufferSize = DEFAULT_BUFFER_EVENTS): number {
  if (Number.isInteger(bufferSize) && bufferSize >= 1 && bufferSize <= MAX_BUFFER_EVENTS) {
    return bufferSize
  }
  throw new RangeError(`bufferSize is ${bufferSize}, expected 1 to ${MAX_BUFFER_EVENTS}`)
}
