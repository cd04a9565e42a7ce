/** What happens next: a binary heap, by time and then by age. */
export interface EventQueue {
  readonly nextAtMs: number | undefined
  add(atMs: number, event: () => void): void
  take(): QueuedEvent | undefined
}

export interface QueuedEvent {
  readonly atMs: number
  readonly age: number
  readonly event: () => void
}

export function createEventQueue(): EventQueue {
  return new Heap()
}

class Heap implements EventQueue {
  readonly #events: QueuedEvent[] = []
  #added = 0

  get nextAtMs(): number | undefined {
    return this.#events[0]?.atMs
  }

  add(atMs: number, event: () => void): void {
    this.#events.push({ atMs, age: this.#added++, event })
    let at = this.#events.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapIfEarlier(at, parent)) break
      at = parent
    }
  }

  take(): QueuedEvent | undefined {
    const first = this.#events[0]
    const last = this.#events.pop()
    if (first === undefined || last === undefined || first === last) return first
    this.#events[0] = last
    this.#sink()
    return first
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const child = this.#isEarlier(right, left) ? right : left
      if (!this.#swapIfEarlier(child, at)) return
      at = child
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const [one, other] = [this.#events[a], this.#events[b]]
    if (one === undefined || other === undefined) return false
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.age < other.age)
  }

  #swapIfEarlier(a: number, b: number): boolean {
    const [one, other] = [this.#events[a], this.#events[b]]
    if (one === undefined || other === undefined || !this.#isEarlier(a, b)) return false
    this.#events[a] = other
    this.#events[b] = one
    return true
  }
}
