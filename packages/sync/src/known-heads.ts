import { MAX_KNOWN_HEADS } from './limits.ts'

/**
 * What a peer has told about documents. Bounded: beyond it the oldest is forgotten, and
 * that document's next edit is announced and asked for instead of sent at once.
 */
export class KnownHeads {
  readonly #headsById = new Map<string, readonly string[]>()
  #count = 0

  get(id: string): readonly string[] | undefined {
    return this.#headsById.get(id)
  }

  has(id: string): boolean {
    return this.#headsById.has(id)
  }

  set(id: string, heads: readonly string[]): void {
    this.#delete(id)
    this.#headsById.set(id, heads)
    this.#count += weightOf(heads)
    for (const [oldest] of this.#headsById) {
      if (this.#count <= MAX_KNOWN_HEADS) return
      this.#delete(oldest)
    }
  }

  #delete(id: string): void {
    const old = this.#headsById.get(id)
    if (!old) return
    this.#count -= weightOf(old)
    this.#headsById.delete(id)
  }
}

/** An empty list takes room as well. */
function weightOf(heads: readonly string[]): number {
  return heads.length + 1
}
