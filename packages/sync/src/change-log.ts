import type { ChangeHeader } from './automerge-chunks.ts'
import { sameHeads } from './document-heads.ts'
import { MAX_LOGGED_BYTES, MAX_LOGGED_CHANGES } from './limits.ts'
import type { LinkId } from './replica-effects.ts'

/** A change in the place that it has among those that came. */
export interface LoggedChange extends ChangeHeader {
  /** The channel it came through; `undefined` for our own. */
  readonly origin: LinkId | undefined
  /** After it the document had no other head. */
  readonly isOnlyHead: boolean
}

/** Changes of the log that lead from one number to another, as they travel. */
export interface EncodedEdits {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
}

/**
 * The last changes of a document, numbered in the order in which they came here: who is
 * known to have everything up to a number lacks exactly what stands behind it. Without
 * it Automerge is asked, which costs a walk through the history for each answer.
 */
export class ChangeLog {
  /** What the document had before the first change that was ever logged here. */
  readonly base: readonly string[]
  /** The number of the first change after {@link base}. */
  readonly start: number
  /** The number of the first change that is still here. */
  #first: number
  readonly #changes: LoggedChange[] = []
  readonly #numberByHash = new Map<string, number>()
  readonly #newestByActor = new Map<string, LoggedChange>()
  #bytes = 0

  constructor(start: number, base: readonly string[]) {
    this.start = start
    this.base = base
    this.#first = start
  }

  /** The number of the oldest change that is here. */
  get first(): number {
    return this.#first
  }

  /** The number that the next change gets. */
  get end(): number {
    return this.#first + this.#changes.length
  }

  has(hash: string): boolean {
    return this.#numberByHash.has(hash)
  }

  /** As {@link has}, also of what the document had before: then whatever builds on it has come since, and is here. */
  knows(hash: string): boolean {
    return this.has(hash) || (this.#first === this.start && this.base.includes(hash))
  }

  /** Tells whether whatever came after a write is here, by the heads that the document had in it. */
  holdsAllSince(written: readonly string[]): boolean {
    if (written.some((hash) => this.has(hash))) return true
    return this.#first === this.start && sameHeads(written, this.base)
  }

  /** The number of the last operation of a change, as far as it is here. */
  lastOperationOf(hash: string): number | undefined {
    const number = this.#numberByHash.get(hash)
    return number === undefined ? undefined : this.#changes[number - this.#first]?.maxOp
  }

  /** The newest change of an actor, as far as it is here. */
  newestOf(actor: string): LoggedChange | undefined {
    return this.#newestByActor.get(actor)
  }

  /** The changes from a number on, or `undefined` when the first of them are gone. */
  since(number: number): readonly LoggedChange[] | undefined {
    if (number < this.#first || number > this.end) return undefined
    return number === this.end ? [] : this.#changes.slice(number - this.#first)
  }

  /** The number up to which somebody has everything whose heads are these, when that can be told. */
  numberOf(heads: readonly string[]): number | undefined {
    const [only, second] = heads
    if (only === undefined || second !== undefined) return undefined
    const number = this.#numberByHash.get(only)
    if (number === undefined || !this.#changes[number - this.#first]?.isOnlyHead) return undefined
    return number + 1
  }

  add(change: LoggedChange): void {
    this.#numberByHash.set(change.hash, this.end)
    this.#newestByActor.set(change.actor, change)
    this.#changes.push(change)
    this.#bytes += change.bytes.length
    const isFull = this.#changes.length > MAX_LOGGED_CHANGES || this.#bytes > MAX_LOGGED_BYTES
    if (isFull) this.#forgetHalf()
  }

  /** Half at a time: one by one would move all the others each time. */
  #forgetHalf(): void {
    let count = 0
    for (const change of this.#changes) {
      const left = this.#changes.length - count
      if (left <= MAX_LOGGED_CHANGES / 2 && this.#bytes <= MAX_LOGGED_BYTES / 2) break
      count += 1
      this.#bytes -= change.bytes.length
      this.#numberByHash.delete(change.hash)
      const isNewest = this.#newestByActor.get(change.actor) === change
      if (isNewest) this.#newestByActor.delete(change.actor)
    }
    this.#changes.splice(0, count)
    this.#first += count
  }
}

/** The heads of a document after changes that came on top of others, sorted. */
export function headsAfter(
  heads: readonly string[],
  changes: readonly Pick<ChangeHeader, 'hash' | 'deps'>[],
): readonly string[] {
  const after = new Set(heads)
  for (const change of changes) replaceHeads(after, change)
  return [...after].toSorted()
}

/** A change takes the place of those heads that it builds on. */
export function replaceHeads(
  heads: Set<string>,
  { hash, deps }: Pick<ChangeHeader, 'hash' | 'deps'>,
): void {
  for (const dep of deps) heads.delete(dep)
  heads.add(hash)
}
