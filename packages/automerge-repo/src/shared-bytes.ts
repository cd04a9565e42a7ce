/** Gives up what a holder holds, and ends it. Called once at most for each time it holds something. */
export type GiveUp = () => void

/**
 * What several peers hold together, within one bound. Beyond it the peer that holds the most
 * gives way: who fills it does not keep the others out.
 */
export class SharedBytes {
  readonly #most: number
  readonly #held = new Map<GiveUp, number>()
  #total = 0

  constructor(most: number) {
    this.#most = most
  }

  get total(): number {
    return this.#total
  }

  /** From now on the holder holds so many bytes; 0 forgets it. */
  hold(holder: GiveUp, bytes: number): void {
    this.#total += bytes - (this.#held.get(holder) ?? 0)
    if (bytes === 0) this.#held.delete(holder)
    else this.#held.set(holder, bytes)
    while (this.#total > this.#most) this.#endLargest()
  }

  #endLargest(): void {
    let largest: GiveUp | undefined
    let most = 0
    for (const [holder, bytes] of this.#held) {
      if (bytes > most) [largest, most] = [holder, bytes]
    }
    if (!largest) return
    this.#held.delete(largest)
    this.#total -= most
    largest()
  }
}
