import { FRAME_BURST, FRAMES_PER_PEER_AND_SECOND } from './limits.ts'

const frames = { perSecond: FRAMES_PER_PEER_AND_SECOND, burst: FRAME_BURST }

/** How fast one peer's messages are read: a bucket of tokens, one per message. */
export class FrameRate {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(
    nowMs: number,
    rate: { readonly perSecond: number; readonly burst: number } = frames,
  ) {
    const { perSecond, burst } = rate
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = nowMs
  }

  /** Takes a token for each of `count` messages. @returns Milliseconds to wait before they may be read; 0 for at once. */
  take(nowMs: number, count = 1): number {
    const gained = (Math.max(0, nowMs - this.#atMs) * this.#perSecond) / 1_000
    this.#tokens = Math.min(this.#burst, this.#tokens + gained) - count
    this.#atMs = nowMs
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / this.#perSecond)
  }
}
