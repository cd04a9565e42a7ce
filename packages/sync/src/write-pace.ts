import { LONG_WRITE_PAUSE_MS, WRITE_PAUSE_MS } from './limits.ts'

/**
 * How soon a write follows the one before. What somebody waits for goes at once, and so does
 * the first edit after a while; edits that follow each other are gathered, those of others for
 * longer than our own: they are on somebody's disk already.
 */
export class WritePace {
  #phase: 'free' | 'short' | 'long' = 'free'
  #isTimed = false
  #isUrgent = false
  #isOwn = false

  /** Something of our own is to be written. */
  own(): void {
    this.#isOwn = true
  }

  /** Somebody waits for what is to be written now. */
  urge(): void {
    this.#isUrgent = true
  }

  /** Tells whether what there is may be written now. */
  isDue(isWorthWriting: boolean): boolean {
    if (this.#isUrgent) return true
    if (this.#phase === 'free') return isWorthWriting
    return this.#phase === 'long' && this.#isOwn
  }

  /** Everything that there was is in a write. */
  begun(): void {
    this.#isUrgent = false
    this.#isOwn = false
  }

  /** The write has settled. */
  settled(): void {
    this.#phase = 'short'
  }

  /** After how many milliseconds {@link onTimer} is to be called, if that is not under way. */
  takeTimer(isDirty: boolean): number | undefined {
    if (this.#isTimed || (this.#phase === 'free' && !isDirty)) return undefined
    if (this.#phase === 'free') this.#phase = 'long'
    this.#isTimed = true
    return this.#phase === 'short' ? WRITE_PAUSE_MS : LONG_WRITE_PAUSE_MS
  }

  /** The time has come. */
  onTimer(isDirty: boolean): void {
    this.#isTimed = false
    const isOver = this.#phase !== 'short'
    this.#phase = isOver ? 'free' : 'long'
    // Also what was not worth a write of its own.
    if (isOver && isDirty) this.#isUrgent = true
  }
}
