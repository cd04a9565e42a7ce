import { MAX_MESSAGE_BURST, MAX_MESSAGES_PER_SECOND } from './limits.ts'

/**
 * How many messages of one peer are taken: a token bucket. Beyond it nothing is lost;
 * the peer's next message waits, and with it, as its channel fills up, the peer.
 */
export class MessageRate {
  #tokens = MAX_MESSAGE_BURST
  #atMs: number

  /** @param nowMs - Of a clock that never goes back. */
  constructor(nowMs: number) {
    this.#atMs = nowMs
  }

  /** Counts one message. @returns Milliseconds to wait before it is taken. */
  take(nowMs: number): number {
    const refill = ((nowMs - this.#atMs) * MAX_MESSAGES_PER_SECOND) / 1_000
    this.#tokens = Math.min(MAX_MESSAGE_BURST, this.#tokens + refill) - 1
    this.#atMs = nowMs
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1_000) / MAX_MESSAGES_PER_SECOND
  }
}
