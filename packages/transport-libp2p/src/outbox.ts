import type { Stream } from '@libp2p/interface'
import { costOf, createSendCredit } from './credit.ts'
import { writeHeader, type Lane } from './frames.ts'
import { createBufferRing } from './buffer-ring.ts'
import { FRAME_HEADER_BYTES, LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from './limits.ts'
import { createWaiters, type Waiter } from './waiters.ts'

/**
 * Sends frames, and waits while the far end does not read. On a stream that has nothing
 * to do a frame leaves at once. What is sent in the same turn of the event loop is
 * collected behind it, in buffers that the stack's encryption cuts into whole pieces:
 * one message at a time would cost it a small piece for each.
 */
export interface Outbox {
  /** As `Link.send`: settles when the message has been copied. */
  send(lane: Lane, message: Uint8Array, signal: AbortSignal | undefined): Promise<void>
  /** Sends a frame that is no message and needs no credit. */
  mark(lane: Lane, content?: Uint8Array): void
  /**
   * Hands the stream what was copied, the rest of a message that has begun, and a last
   * frame without a message. Messages that wait are not sent; {@link end} rejects them.
   */
  finish(lane: Lane): void
  /**
   * The far end has read so much.
   *
   * @throws `TransportError` `ERR_PEER_PROTOCOL` when that is nothing, or more than was sent.
   */
  credit(bytes: number): void
  /** From now on and for all who wait, {@link send} rejects with `error`. */
  end(error: Error | undefined): void
}

/** Makes the sending side of one link. */
export function createOutbox(stream: Stream): Outbox {
  return new StreamOutbox(stream)
}

/** A frame that found no room. */
interface Waiting {
  readonly lane: Lane
  message: Uint8Array
  /** Who waits until it has been copied; nobody for a mark. */
  readonly sender: Waiter<void> | undefined
  /** True once it has been paid for; marks cost nothing. */
  isPaid: boolean
}

const settled = Promise.resolve()
const nothing = new Uint8Array()

class StreamOutbox implements Outbox {
  readonly #stream: Stream
  readonly #credit = createSendCredit()
  readonly #senders = createWaiters<void>()
  /** What is not in a buffer yet, first in, first out. */
  #waiting: Waiting[] = []
  /** How much of the first one, header and message, is in a buffer. */
  #begun = 0
  #filling: Buffer | undefined
  #filled = 0
  /** Its last frame is a mark, which no credit of the far end confirms. */
  #endsInMark = false
  /** The stream takes no more for now. */
  #isFull = false
  /** Something has been written in this turn of the event loop; the rest is collected. */
  #isCollecting = false
  #isEnded = false
  #error: Error | undefined
  readonly #buffers = createBufferRing()

  constructor(stream: Stream) {
    this.#stream = stream
    stream.addEventListener('drain', () => {
      // The stream sends what it holds in a microtask of its own, which is before this one.
      queueMicrotask(() => {
        this.#isFull = stream.writableNeedsDrain
        if (!this.#isCollecting) this.#flush()
      })
    })
  }

  send(lane: Lane, message: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#isEnded) return Promise.reject(this.#error)
    if (this.#waiting.length === 0 && this.#put(lane, message)) {
      if (!this.#isCollecting) this.#flush()
      return settled
    }
    const sender = this.#senders.join(signal)
    const waiting = { lane, message, sender, isPaid: false }
    // First in line for the news, so that the caller cannot have changed the message yet.
    if (signal) sender.promise.catch(() => this.#abandon(waiting))
    this.#wait(waiting)
    return sender.promise
  }

  mark(lane: Lane, content: Uint8Array = nothing): void {
    // Behind a message that has begun, and before all that have not.
    const at = this.#begun > 0 ? 1 : 0
    this.#waiting.splice(at, 0, { lane, message: content, sender: undefined, isPaid: true })
    this.#refill()
    if (!this.#isCollecting) this.#flush()
  }

  finish(lane: Lane): void {
    this.#waiting.length = this.#begun > 0 ? 1 : 0
    this.#waiting.push({ lane, message: nothing, sender: undefined, isPaid: true })
    do {
      this.#refill()
      this.#write()
    } while (this.#waiting.length > 0)
  }

  credit(bytes: number): void {
    this.#credit.add(bytes)
    this.#buffers.confirm(bytes)
    this.#refill()
    if (!this.#isCollecting) this.#flush()
  }

  end(error: Error | undefined): void {
    this.#isEnded = true
    this.#error = error
    this.#waiting = []
    this.#filling = undefined
    this.#filled = 0
    this.#buffers.drop()
    this.#senders.rejectAll(error)
  }

  /** Copies a whole message; false when it does not fit behind what is there, or has no credit. */
  #put(lane: Lane, message: Uint8Array): boolean {
    const end = this.#filled + FRAME_HEADER_BYTES + message.length
    if (end > LARGE_BUFFER_BYTES || !this.#credit.take(costOf(message))) return false
    const buffer = this.#roomFor(end)
    writeHeader(buffer, this.#filled, lane, message.length)
    buffer.set(message, this.#filled + FRAME_HEADER_BYTES)
    this.#filled = end
    this.#endsInMark = false
    return true
  }

  /** The buffer that is being filled, with room up to `end`. */
  #roomFor(end: number): Buffer {
    const present = this.#filling
    if (present !== undefined && present.length >= end) return present
    const buffer =
      end > SMALL_BUFFER_BYTES ? this.#buffers.take() : Buffer.allocUnsafe(SMALL_BUFFER_BYTES)
    present?.copy(buffer, 0, 0, this.#filled)
    this.#filling = buffer
    return buffer
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.#refill()
    if (!this.#isCollecting) this.#flush()
  }

  /** What has begun goes on, or the far end could not read what follows; its memory goes back to the caller. */
  #abandon(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting)
    if (at === 0 && this.#begun > 0) waiting.message = waiting.message.slice()
    else if (at >= 0) this.#waiting.splice(at, 1)
  }

  /** Moves what waits into the buffer, as far as room and credit go; a full buffer leaves when the stream takes it. */
  #refill(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (this.#filled > LARGE_BUFFER_BYTES - FRAME_HEADER_BYTES) {
        if (this.#isFull) return
        this.#write()
      }
      // Paid only when it begins at once: what is abandoned before must not have cost anything.
      if (!first.isPaid && !this.#credit.take(costOf(first.message))) return
      first.isPaid = true
      if (!this.#putPart(first)) continue
      this.#waiting.shift()
      this.#begun = 0
      first.sender?.resolve()
    }
  }

  /** True when the message is complete in the buffer. */
  #putPart({ lane, message, sender }: Waiting): boolean {
    const left = FRAME_HEADER_BYTES + message.length - this.#begun
    const end = Math.min(this.#filled + left, LARGE_BUFFER_BYTES)
    const buffer = this.#roomFor(end)
    if (this.#begun === 0) {
      writeHeader(buffer, this.#filled, lane, message.length)
      this.#filled += FRAME_HEADER_BYTES
      this.#begun = FRAME_HEADER_BYTES
    }
    const from = this.#begun - FRAME_HEADER_BYTES
    const part = message.subarray(from, from + end - this.#filled)
    buffer.set(part, this.#filled)
    this.#filled = end
    this.#begun += part.length
    this.#endsInMark = sender === undefined
    return this.#begun === FRAME_HEADER_BYTES + message.length
  }

  /** Writes what is there, and collects until the turn is over. */
  #flush(): void {
    if (this.#isFull || this.#isEnded || this.#filled === 0) return
    this.#write()
    this.#refill()
    this.#isCollecting = true
    setImmediate(() => {
      this.#isCollecting = false
      if (this.#filled === 0 && this.#waiting.length === 0) this.#buffers.drop()
      else this.#flush()
    })
  }

  #write(): void {
    const buffer = this.#filling
    if (buffer === undefined) return
    const frames = buffer.subarray(0, this.#filled)
    this.#filling = undefined
    this.#filled = 0
    // With a mark at its end it may wait on when all that costs credit has been read.
    if (!this.#endsInMark) this.#buffers.sent(buffer, this.#credit.used)
    try {
      if (!this.#stream.send(frames)) this.#isFull = true
    } catch {
      // It has ended, and its 'close' event, which says how, is on its way.
      this.#isFull = true
    }
  }
}
