import type { Stream } from '@libp2p/interface'
import { costOf, createSendCredit } from './credit.ts'
import { encodeFrame, type Lane } from './frames.ts'
import { createWaiters, type Waiter } from './waiters.ts'

/** Sends frames, one copy each, and waits while the stream is full or the far end does not read. */
export interface Outbox {
  /** As `Link.send`: settles when the message has been copied. */
  send(lane: Lane, message: Uint8Array, signal: AbortSignal | undefined): Promise<void>
  /** Sends a frame that is no message, before all that wait. */
  mark(lane: Lane, content?: Uint8Array): void
  /**
   * The far end has read so much.
   *
   * @throws `TransportError` `ERR_PEER_PROTOCOL` when that is more than was sent.
   */
  credit(bytes: number): void
  /** From now on and for all who wait, {@link send} rejects with `error`. */
  end(error: Error | undefined): void
}

/** Makes the sending side of one link. */
export function createOutbox(stream: Stream): Outbox {
  return new StreamOutbox(stream)
}

interface Waiting {
  readonly lane: Lane
  readonly message: Uint8Array
  readonly sender: Waiter<void>
}

const settled = Promise.resolve()
const nothing = new Uint8Array()

class StreamOutbox implements Outbox {
  readonly #stream: Stream
  readonly #credit = createSendCredit()
  readonly #senders = createWaiters<void>()
  #waiting: Waiting[] = []
  #isFull = false
  #isEnded = false
  #error: Error | undefined

  constructor(stream: Stream) {
    this.#stream = stream
    stream.addEventListener('drain', () => {
      // The stream sends what it holds in a microtask of its own, which is before this one.
      queueMicrotask(() => {
        this.#isFull = stream.writableNeedsDrain
        this.#sendWaiting()
      })
    })
  }

  send(lane: Lane, message: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#isEnded) return Promise.reject(this.#error)
    if (this.#waiting.length === 0 && this.#put(lane, message)) return settled
    const sender = this.#senders.join(signal)
    const waiting = { lane, message, sender }
    if (signal) sender.promise.catch(() => this.#abandon(waiting))
    this.#waiting.push(waiting)
    return sender.promise
  }

  mark(lane: Lane, content: Uint8Array = nothing): void {
    this.#write(lane, content)
  }

  credit(bytes: number): void {
    this.#credit.add(bytes)
    this.#sendWaiting()
  }

  end(error: Error | undefined): void {
    this.#isEnded = true
    this.#error = error
    this.#waiting = []
    this.#senders.rejectAll(error)
  }

  /** False when it has to wait. */
  #put(lane: Lane, message: Uint8Array): boolean {
    if (this.#isFull || !this.#credit.take(costOf(message))) return false
    this.#write(lane, message)
    return true
  }

  #write(lane: Lane, message: Uint8Array): void {
    try {
      if (!this.#stream.send(encodeFrame(lane, message))) this.#isFull = true
    } catch {
      // It has ended, and its 'close' event, which says how, is on its way.
      this.#isFull = true
    }
  }

  #abandon(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting)
    if (at === -1) return
    this.#waiting.splice(at, 1)
    // The next one may be small enough for the room that is left.
    this.#sendWaiting()
  }

  #sendWaiting(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (!this.#put(first.lane, first.message)) return
      this.#waiting.shift()
      first.sender.resolve()
    }
  }
}
