import type { SecretStream } from 'hyperdht'
import { TransportError } from '@vudo/transport'
import { frameCost, writeFrame, type Frame, type Lane } from './frames.ts'
import { FRAME_HEADER_BYTES, MAX_BATCH_BYTES, WINDOW_BYTES } from './limits.ts'
import { createWaiter, type Waiter } from './waiter.ts'

/**
 * Sends frames, one write at a time. Each is put together in the memory in which the library then
 * encrypts it, so a message is copied once, as it is without us.
 */
export interface Outbox {
  /** As `Link.send`: settles when the message has been copied. */
  send(lane: Lane, message: Uint8Array, signal: AbortSignal | undefined): Promise<void>
  /** Sends a frame that needs no window, behind what has been copied. */
  sendNow(lane: Lane, message: Uint8Array): void
  /**
   * The far end has read so much.
   *
   * @throws `TransportError` `ERR_PEER_PROTOCOL` when that is more than it was sent.
   */
  credit(bytes: number): void
  /** From now on and for all who wait, {@link send} rejects with `error`. */
  end(error: Error | undefined): void
}

/** Makes the sending side of one connection. */
export function createOutbox(stream: SecretStream): Outbox {
  return new StreamOutbox(stream)
}

interface Waiting extends Frame {
  readonly sender: Waiter<void>
}

const settled = Promise.resolve()

class StreamOutbox implements Outbox {
  readonly #stream: SecretStream
  #waiting: Waiting[] = []
  #isStreamFull = false
  /** What the far end has not read yet, of its window. */
  #unread = 0
  #isEnded = false
  #error: Error | undefined

  constructor(stream: SecretStream) {
    this.#stream = stream
    stream.on('drain', () => {
      this.#isStreamFull = false
      this.#sendWaiting()
    })
  }

  send(lane: Lane, message: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#isEnded) return Promise.reject(this.#error)
    const frame = { lane, bytes: message }
    if (this.#waiting.length === 0 && this.#mayWrite) {
      this.#write([frame])
      return settled
    }
    const sender = createWaiter<void>(signal, (it) => {
      this.#waiting = this.#waiting.filter((other) => other.sender !== it)
    })
    this.#waiting.push({ ...frame, sender })
    return sender.promise
  }

  get #mayWrite(): boolean {
    return !this.#isStreamFull && this.#unread < WINDOW_BYTES
  }

  sendNow(lane: Lane, message: Uint8Array): void {
    if (!this.#isEnded) this.#put([{ lane, bytes: message }])
  }

  credit(bytes: number): void {
    if (bytes > this.#unread) {
      throw new TransportError(
        'ERR_PEER_PROTOCOL',
        `peer has read ${bytes} bytes, but ${this.#unread} were unread`,
      )
    }
    this.#unread -= bytes
    this.#sendWaiting()
  }

  end(error: Error | undefined): void {
    this.#isEnded = true
    this.#error = error
    for (const { sender } of this.#waiting.splice(0)) sender.reject(error)
  }

  #sendWaiting(): void {
    while (this.#waiting.length > 0 && this.#mayWrite) {
      const batch = this.#waiting.splice(0, this.#batchLength())
      this.#write(batch)
      for (const { sender } of batch) sender.resolve()
    }
  }

  /** How many of those that wait leave together: at least one, small ones up to a batch. */
  #batchLength(): number {
    let bytes = 0
    let unread = this.#unread
    const end = this.#waiting.findIndex(({ bytes: message }) => {
      const isTooMuch = bytes > 0 && bytes + message.length > MAX_BATCH_BYTES
      const isHeldBack = unread >= WINDOW_BYTES
      bytes += FRAME_HEADER_BYTES + message.length
      unread += frameCost(message.length)
      return isTooMuch || isHeldBack
    })
    return end === -1 ? this.#waiting.length : end
  }

  #write(frames: readonly Frame[]): void {
    for (const { bytes } of frames) this.#unread += frameCost(bytes.length)
    this.#put(frames)
  }

  #put(frames: readonly Frame[]): void {
    const size = frames.reduce((sum, { bytes }) => sum + FRAME_HEADER_BYTES + bytes.length, 0)
    const target = this.#stream.alloc(size)
    let at = 0
    for (const frame of frames) at = writeFrame(target, at, frame)
    if (!this.#stream.write(target)) this.#isStreamFull = true
  }
}
