/** Events in virtual time, earliest first; those of one moment in the order they were added. */
export interface EventQueue {
  /** Milliseconds of virtual time of the earliest event; `undefined` when there is none. */
  readonly nextAtMs: number | undefined
  add(atMs: number, event: () => void): void
  /** Takes out the earliest event. */
  take(): { readonly atMs: number; readonly event: () => void } | undefined
}

interface Entry {
  readonly atMs: number
  readonly order: number
  readonly event: () => void
}

/** An empty queue: a binary heap, so that a run with thousands of events under way stays fast. */
export function createEventQueue(): EventQueue {
  return new Heap()
}

class Heap implements EventQueue {
  readonly #entries: Entry[] = []
  #order = 0

  get nextAtMs(): number | undefined {
    return this.#entries[0]?.atMs
  }

  add(atMs: number, event: () => void): void {
    const entry = { atMs, order: this.#order++, event }
    const entries = this.#entries
    let at = entries.push(entry) - 1
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = entries[parentAt]
      if (!parent || !isBefore(entry, parent)) break
      entries[at] = parent
      at = parentAt
    }
    entries[at] = entry
  }

  take(): Entry | undefined {
    const first = this.#entries[0]
    const last = this.#entries.pop()
    if (last && this.#entries.length > 0) this.#sink(last)
    return first
  }

  /** Puts `entry` where the root was and lets it sink to its place. */
  #sink(entry: Entry): void {
    const entries = this.#entries
    let at = 0
    for (;;) {
      const childAt = this.#earlierChild(at)
      const child = childAt === undefined ? undefined : entries[childAt]
      if (childAt === undefined || !child || !isBefore(child, entry)) break
      entries[at] = child
      at = childAt
    }
    entries[at] = entry
  }

  #earlierChild(at: number): number | undefined {
    const left = this.#entries[2 * at + 1]
    const right = this.#entries[2 * at + 2]
    if (!left) return undefined
    return right && isBefore(right, left) ? 2 * at + 2 : 2 * at + 1
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
