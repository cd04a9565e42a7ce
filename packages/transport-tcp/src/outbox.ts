import type { TLSSocket } from 'node:tls'
import { createWaiters, type Waiter } from '@vudo/swarm'
import { writeHeader, type Lane } from './frames.ts'
import { FRAME_HEADER_BYTES, LARGE_BUFFER_BYTES } from './limits.ts'
import { giveBuffer, takeBuffer } from './write-buffers.ts'

/**
 * Sends frames. While the socket reads one buffer, the next one is filled, so that
 * what is sent meanwhile leaves in one write with as few TLS records as possible; on a
 * socket that has nothing to do a frame leaves at once.
 */
export interface Outbox {
  /** As `Link.send`: settles when the message has been copied. */
  send(lane: Lane, message: Uint8Array, signal: AbortSignal | undefined): Promise<void>
  /** Sends a frame without a message. */
  sendMark(lane: Lane): void
  /**
   * Hands the socket what was copied, the rest of a message that has begun, and a last
   * frame without a message. Messages that wait are not sent; {@link end} rejects them.
   */
  finish(lane: Lane): void
  /** From now on and for all who wait, {@link send} rejects with `error`. */
  end(error: Error | undefined): void
}

/** Makes the sending side of one connection. */
export function createOutbox(socket: TLSSocket): Outbox {
  return new SocketOutbox(socket)
}

/** A message that found no room. */
interface Waiting {
  readonly lane: Lane
  message: Uint8Array
  /** Who waits until it has been copied; nobody for a mark. */
  readonly sender: Waiter<void> | undefined
}

const settled = Promise.resolve()
const nothing = new Uint8Array()

class SocketOutbox implements Outbox {
  readonly #socket: TLSSocket
  readonly #senders = createWaiters<void>()
  /** What is not in a buffer yet, first in, first out. */
  #waiting: Waiting[] = []
  /** How much of the first one, header and message, is in a buffer. */
  #begun = 0
  #filling: Buffer | undefined
  #filled = 0
  /** What the socket is reading; it has nothing to do when there is none. */
  #writing: Buffer | undefined
  #isEnded = false
  #error: Error | undefined

  constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  send(lane: Lane, message: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#isEnded) return Promise.reject(this.#error)
    if (this.#waiting.length === 0 && this.#put(lane, message)) {
      if (this.#writing === undefined) this.#write()
      return settled
    }
    const sender = this.#senders.join(signal)
    const waiting = { lane, message, sender }
    // First in line for the news, so that the caller cannot have changed the message yet.
    if (signal) sender.promise.catch(() => this.#abandon(waiting))
    this.#wait(waiting)
    return sender.promise
  }

  sendMark(lane: Lane): void {
    if (this.#waiting.length > 0 || !this.#put(lane, nothing)) {
      this.#wait({ lane, message: nothing, sender: undefined })
    } else if (this.#writing === undefined) this.#write()
  }

  finish(lane: Lane): void {
    this.#waiting.length = this.#begun > 0 ? 1 : 0
    this.#waiting.push({ lane, message: nothing, sender: undefined })
    do {
      this.#refill()
      const frames = this.#takeFilled()
      // The buffer is not used again: what the socket reads now, nobody waits for.
      if (frames !== undefined) this.#socket.write(frames)
    } while (this.#waiting.length > 0)
  }

  end(error: Error | undefined): void {
    this.#isEnded = true
    this.#error = error
    this.#waiting = []
    this.#filling = undefined
    this.#filled = 0
    this.#senders.rejectAll(error)
  }

  /** Copies a whole frame; false when it does not fit behind what is there. */
  #put(lane: Lane, message: Uint8Array): boolean {
    const end = this.#filled + FRAME_HEADER_BYTES + message.length
    if (end > LARGE_BUFFER_BYTES) return false
    const buffer = this.#roomFor(end)
    writeHeader(buffer, this.#filled, lane, message.length)
    buffer.set(message, this.#filled + FRAME_HEADER_BYTES)
    this.#filled = end
    return true
  }

  /** The buffer that is being filled, with room up to `end` where there is such a buffer. */
  #roomFor(end: number): Buffer {
    const present = this.#filling
    if (present !== undefined && present.length >= Math.min(end, LARGE_BUFFER_BYTES)) return present
    const buffer = takeBuffer(end)
    if (present !== undefined) {
      present.copy(buffer, 0, 0, this.#filled)
      giveBuffer(present)
    }
    this.#filling = buffer
    return buffer
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.#refill()
    if (this.#writing === undefined) this.#write()
  }

  /** What has begun goes on, or the far end could not read what follows; its memory goes back to the caller. */
  #abandon(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting)
    if (at === 0 && this.#begun > 0) waiting.message = waiting.message.slice()
    else if (at >= 0) this.#waiting.splice(at, 1)
  }

  /** Moves what waits into the buffer, as far as it goes. */
  #refill(): void {
    while (this.#waiting.length > 0 && this.#filled < LARGE_BUFFER_BYTES - FRAME_HEADER_BYTES) {
      const first = this.#waiting[0]!
      if (!this.#putPart(first)) return
      this.#waiting.shift()
      this.#begun = 0
      first.sender?.resolve()
    }
  }

  /** True when the message is complete in the buffer. */
  #putPart({ lane, message }: Waiting): boolean {
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
    return this.#begun === FRAME_HEADER_BYTES + message.length
  }

  #write(): void {
    this.#writing = this.#filling
    const frames = this.#takeFilled()
    if (frames !== undefined) this.#socket.write(frames, this.#onWritten)
  }

  #takeFilled(): Uint8Array | undefined {
    const frames = this.#filling?.subarray(0, this.#filled)
    this.#filling = undefined
    this.#filled = 0
    return frames
  }

  readonly #onWritten = (): void => {
    if (this.#writing !== undefined) giveBuffer(this.#writing)
    this.#writing = undefined
    if (this.#waiting.length > 0) this.#refill()
    this.#write()
  }
}
