/** The one timer of a state machine: moves as the machine's next moment moves. */
export class WakeTimer {
  readonly #now: () => number
  readonly #onWake: () => void
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(now: () => number, onWake: () => void) {
    this.#now = now
    this.#onWake = onWake
  }

  /** Wakes at that time of the machine's clock, and at no other. */
  set(wakeAtMs: number | undefined): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (wakeAtMs === undefined || this.#isClosed) return
    // A timer may fire a little early; one more millisecond saves a wake in vain.
    const delayMs = Math.max(0, Math.ceil(wakeAtMs - this.#now()) + 1)
    this.#timer = setTimeout(this.#onWake, delayMs)
  }

  close(): void {
    this.set(undefined)
    this.#isClosed = true
  }
}
