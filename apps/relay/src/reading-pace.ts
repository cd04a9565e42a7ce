/** How fast a client's socket is read: no faster than the client and its IP address may send. */
import type { WebSocket } from 'ws'
import type { AddressEntry } from './address-book.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

/** The pace of one socket, and when it was heard last. */
export class ReadingPace {
  readonly #socket: WebSocket
  readonly #nowMs: () => number
  #bucket: TokenBucket | undefined
  #entry: AddressEntry | undefined
  #heardMs: number
  #resume: NodeJS.Timeout | undefined

  constructor(socket: WebSocket, nowMs: () => number) {
    this.#socket = socket
    this.#nowMs = nowMs
    this.#heardMs = nowMs()
  }

  /** The client was let in: from now on what it sends is counted, and it among those of its address. */
  enter(bytesPerSecond: number, entry: AddressEntry): void {
    this.#bucket = createTokenBucket(bytesPerSecond, this.#nowMs())
    this.#entry = entry
    entry.connections += 1
  }

  /** True while it is not read. */
  get isPaused(): boolean {
    return this.#resume !== undefined
  }

  /** How long nothing was heard, in milliseconds; a socket that is not read cannot be heard. */
  silenceMs(nowMs: number): number {
    return this.isPaused ? 0 : nowMs - this.#heardMs
  }

  /** Something came in, or counts as if: reads on when the slower of the buckets allows. */
  account(bytes: number): void {
    const nowMs = this.#nowMs()
    this.#heardMs = nowMs
    const ownMs = this.#bucket?.take(bytes, nowMs) ?? 0
    const addressMs = this.#entry?.bucket.take(bytes, nowMs) ?? 0
    this.wait(Math.max(ownMs, addressMs))
  }

  /** Reads nothing for so long; a pause that has begun is not changed. */
  wait(waitMs: number): void {
    if (waitMs === 0 || this.isPaused || this.#socket.readyState === this.#socket.CLOSED) return
    this.#socket.pause()
    this.#resume = setTimeout(() => {
      this.#resume = undefined
      this.#heardMs = this.#nowMs()
      this.#socket.resume()
    }, waitMs)
  }

  /** The socket has ended. */
  end(): void {
    clearTimeout(this.#resume)
    if (this.#entry) this.#entry.connections -= 1
  }
}
