import { FRAME_BURST, FRAMES_PER_PEER_AND_SECOND } from './limits.ts'

/** How fast one neighbour's frames are read: a bucket of tokens, one per frame. */
export class FrameRate {
  #tokens = FRAME_BURST
  #atMs: number

  constructor(nowMs: number) {
    this.#atMs = nowMs
  }

  /** Takes a token. @returns Milliseconds to wait before the frame may be read; 0 for at once. */
  take(nowMs: number): number {
    const gained = (Math.max(0, nowMs - this.#atMs) * FRAMES_PER_PEER_AND_SECOND) / 1_000
    this.#tokens = Math.min(FRAME_BURST, this.#tokens + gained) - 1
    this.#atMs = nowMs
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / FRAMES_PER_PEER_AND_SECOND)
  }
}
