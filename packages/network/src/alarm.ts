/** A timer that is set for the next of many moments: one at a time, and mostly not set anew. */
export class Alarm {
  readonly #now: () => number
  readonly #onDue: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #atMs = Infinity

  /** @param now - Monotonic, in milliseconds: the clock of {@link set}. */
  constructor(now: () => number, onDue: () => void) {
    this.#now = now
    this.#onDue = onDue
  }

  /** Goes off at `atMs`, or earlier; not at all when it is `undefined`. */
  set(atMs: number | undefined): void {
    if (atMs === undefined) return this.clear()
    // Whoever is woken early finds nothing to do and sets it again; setting it for each frame would cost more.
    if (this.#atMs <= atMs) return
    this.clear()
    this.#atMs = atMs
    const inMs = Math.max(0, Math.ceil(atMs - this.#now()))
    this.#timer = setTimeout(() => this.#ring(), inMs)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#atMs = Infinity
  }

  #ring(): void {
    this.clear()
    this.#onDue()
  }
}
