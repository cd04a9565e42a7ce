import type { DatabaseRange } from './keys.ts'

/** Which of two keys comes first, by their bytes: below 0, above 0, or 0 for the same key. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let at = 0; at < shared; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Whether `key` lies in `range`. */
export function isInRange(key: Uint8Array, { gte, gt, lt }: DatabaseRange): boolean {
  if (gte && compareKeys(key, gte) < 0) return false
  if (gt && compareKeys(key, gt) <= 0) return false
  return compareKeys(key, lt) < 0
}

/**
 * Values by their keys, in the order of the keys' bytes, in one array: what is added in
 * order goes to its end, anything else moves what comes after it.
 */
export class SortedRecords<Value> {
  #entries: [Uint8Array, Value][] = []

  get size(): number {
    return this.#entries.length
  }

  get(key: Uint8Array): Value | undefined {
    const entry = this.#entries[this.#firstFrom(key)]
    return entry && compareKeys(entry[0], key) === 0 ? entry[1] : undefined
  }

  has(key: Uint8Array): boolean {
    const entry = this.#entries[this.#firstFrom(key)]
    return entry !== undefined && compareKeys(entry[0], key) === 0
  }

  /** @param key - Kept as it is, as is the value. */
  set(key: Uint8Array, value: Value): void {
    const at = this.#firstFrom(key)
    const entry = this.#entries[at]
    // Another entry, not another value in it: pages that were given out keep theirs.
    if (entry && compareKeys(entry[0], key) === 0) this.#entries[at] = [key, value]
    else this.#entries.splice(at, 0, [key, value])
  }

  delete(key: Uint8Array): void {
    if (this.has(key)) this.#entries.splice(this.#firstFrom(key), 1)
  }

  clear(): void {
    this.#entries = []
  }

  /** The first `count` entries of a range, or the last ones, last one first. */
  page(range: DatabaseRange, isReverse: boolean, count: number): [Uint8Array, Value][] {
    const [from, to] = this.#bounds(range)
    if (!isReverse) return this.#entries.slice(from, Math.min(to, from + count))
    return this.#entries.slice(Math.max(from, to - count), Math.max(from, to)).toReversed()
  }

  /** Takes the entries of a range out. */
  take(range: DatabaseRange): [Uint8Array, Value][] {
    const [from, to] = this.#bounds(range)
    return this.#entries.splice(from, Math.max(0, to - from))
  }

  #bounds({ gte, gt, lt }: DatabaseRange): [number, number] {
    const from = this.#firstFrom(gte ?? gt ?? new Uint8Array())
    const entry = this.#entries[from]
    const isExcluded = gte === undefined && gt && entry && compareKeys(entry[0], gt) === 0
    return [isExcluded ? from + 1 : from, this.#firstFrom(lt)]
  }

  /** The place of the first key that is `key` or comes after it. */
  #firstFrom(key: Uint8Array): number {
    let low = 0
    let high = this.#entries.length
    // Most keys are added in order: the last one tells at once.
    const last = this.#entries[high - 1]
    if (last && compareKeys(last[0], key) < 0) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      const entry = this.#entries[middle]
      if (entry && compareKeys(entry[0], key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
