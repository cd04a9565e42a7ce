import type { Entry } from '@vudo/meadowcap'

/** A payload that is to be had from a peer. */
export interface Want {
  readonly entry: Entry
  /** Somebody waits for it. */
  readonly isRequested: boolean
}

/** Payloads that wait: those that somebody asked for first, then the smallest. A binary heap. */
export class WantQueue {
  readonly #wants: Want[] = []

  get size(): number {
    return this.#wants.length
  }

  push(want: Want): void {
    const wants = this.#wants
    wants.push(want)
    for (let at = wants.length - 1; at > 0;) {
      const parent = (at - 1) >> 1
      if (!comesFirst(wants[at]!, wants[parent]!)) return
      swap(wants, at, parent)
      at = parent
    }
  }

  pop(): Want | undefined {
    const wants = this.#wants
    const [first] = wants
    const last = wants.pop()
    if (first === undefined || last === undefined || wants.length === 0) return first
    wants[0] = last
    for (let at = 0; ;) {
      const next = this.#firstChild(at)
      if (next === undefined || !comesFirst(wants[next]!, wants[at]!)) return first
      swap(wants, at, next)
      at = next
    }
  }

  #firstChild(at: number): number | undefined {
    const wants = this.#wants
    const [left, right] = [2 * at + 1, 2 * at + 2]
    if (left >= wants.length) return undefined
    return right < wants.length && comesFirst(wants[right]!, wants[left]!) ? right : left
  }
}

function comesFirst(a: Want, b: Want): boolean {
  if (a.isRequested !== b.isRequested) return a.isRequested
  return a.entry.payloadLength < b.entry.payloadLength
}

function swap(wants: Want[], a: number, b: number): void {
  const other = wants[a]!
  wants[a] = wants[b]!
  wants[b] = other
}
