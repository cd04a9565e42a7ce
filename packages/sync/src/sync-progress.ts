import type { SyncProgress } from './sync-types.ts'

/** Follows how much is left of what there is to do, and guesses how long it takes. */
export class ProgressMeter {
  #total = 0
  #sinceMs = 0
  #left = 0

  /** Notes what is left now; more than before is added to the work that is under way. */
  note(left: number, nowMs: number): void {
    if (this.#left === 0 && left > 0) {
      this.#total = 0
      this.#sinceMs = nowMs
    }
    this.#total += Math.max(0, left - this.#left)
    this.#left = left
  }

  /** @returns `undefined` when nothing is left to do. */
  progress(nowMs: number): SyncProgress | undefined {
    if (this.#left === 0) return undefined
    const done = this.#total - this.#left
    const tookMs = Math.max(0, nowMs - this.#sinceMs)
    const remainingMs = done === 0 ? undefined : Math.round((tookMs / done) * this.#left)
    return { done, total: this.#total, remainingMs }
  }
}
