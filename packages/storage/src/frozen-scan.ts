/**
 * Scans that see a database as it was, over one that cannot do that by itself: a
 * transaction of IndexedDB ends as soon as its program waits for anything else, so a scan
 * takes one for each page, and others write in between.
 *
 * Who writes tells each running scan what it replaces, beforehand: the scan keeps the
 * old value of every key that it has not reached yet, and puts it back in its place in
 * the page. So writers do not wait for a slow scan, and a scan costs no more memory than
 * what is written under it.
 */
import type { Cursor } from './database.ts'
import { aboveLimit } from './errors.ts'
import type { DatabaseRange } from './keys.ts'
import { MAX_SCAN_REPLACED_BYTES } from './limits.ts'
import { firstPageRecords, nextPage } from './scan-page.ts'
import { compareKeys, isInRange, SortedRecords } from './sorted-records.ts'

/** A key and its value. */
export type Entry = [key: Uint8Array, value: Uint8Array]

/** The next entries of a range as they are now. */
export interface Page {
  readonly entries: Entry[]
  /** Nothing comes after them in the range. */
  readonly isLast: boolean
}

/** What a scan is made of. */
export interface FrozenScanInit {
  readonly range: DatabaseRange
  readonly isReverse: boolean
  /**
   * Reads at most `count` entries of `range`, at least one unless there is none. Has to see
   * every write that was begun before the call, and none that is begun after it.
   */
  readonly read: (range: DatabaseRange, isReverse: boolean, count: number) => Promise<Page>
  readonly onClose: (scan: FrozenScan) => void
}

/** One scan. Who opens it closes it. */
export class FrozenScan implements Cursor {
  readonly #init: FrozenScanInit
  /** What has not been read yet. */
  #rest: DatabaseRange
  #isAtEnd = false
  #ready: Entry[] = []
  /** What lay under keys of the rest when the scan began; `undefined`: nothing. */
  readonly #replaced = new SortedRecords<Uint8Array | undefined>()
  #replacedBytes = 0
  #pageRecords = firstPageRecords

  constructor(init: FrozenScanInit) {
    this.#init = init
    this.#rest = init.range
  }

  /** Whether the value of `key` has to be handed to {@link keep} before it is replaced. */
  wants(key: Uint8Array): boolean {
    return !this.#isAtEnd && isInRange(key, this.#rest) && !this.#replaced.has(key)
  }

  /** Notes what lay under `key`. A later note on the same key does not count. */
  keep(key: Uint8Array, value: Uint8Array | undefined): void {
    if (!this.wants(key)) return
    this.#replaced.set(key, value)
    this.#replacedBytes += key.byteLength + (value?.byteLength ?? 0)
    // The scan is over, and says so at its next page.
    if (this.#replacedBytes > MAX_SCAN_REPLACED_BYTES) this.#replaced.clear()
  }

  async next(count: number): Promise<Entry[]> {
    while (this.#ready.length === 0 && !this.#isAtEnd) {
      const { isReverse, read } = this.#init
      const page = await read(this.#rest, isReverse, Math.min(count, this.#pageRecords))
      if (this.#replacedBytes > MAX_SCAN_REPLACED_BYTES) {
        throw aboveLimit(
          'bytes that were replaced under a scan',
          this.#replacedBytes,
          MAX_SCAN_REPLACED_BYTES,
        )
      }
      this.#pageRecords = nextPage(this.#pageRecords, page.entries)
      this.#ready = this.#asItWas(page)
    }
    return this.#ready.splice(0, count)
  }

  close(): Promise<void> {
    this.#isAtEnd = true
    this.#ready = []
    this.#replaced.clear()
    this.#init.onClose(this)
    return Promise.resolve()
  }

  /** The entries of a page, with what was replaced in its range; the rest is what follows it. */
  #asItWas({ entries, isLast }: Page): Entry[] {
    const { isReverse } = this.#init
    const last = entries.at(-1)?.[0]
    const read = isLast || last === undefined ? this.#rest : upTo(last, this.#rest, isReverse)
    if (isLast || last === undefined) this.#isAtEnd = true
    else this.#rest = isReverse ? { ...this.#rest, lt: last } : { gt: last, lt: this.#rest.lt }
    if (this.#replaced.size === 0) return entries
    const before = this.#replaced.take(read)
    const replaced = new SortedRecords<true>()
    for (const [key] of before) replaced.set(key, true)
    const merged = entries.filter(([key]) => !replaced.has(key))
    for (const [key, value] of before) if (value) merged.push([key, value])
    const sign = isReverse ? -1 : 1
    return merged.toSorted(([a], [b]) => sign * compareKeys(a, b))
  }
}

/** The part of `range` that a page up to and with the key `last` covers. */
function upTo(last: Uint8Array, range: DatabaseRange, isReverse: boolean): DatabaseRange {
  if (isReverse) return { gte: last, lt: range.lt }
  // The next key after `last` in the order of bytes: the same with a zero byte more.
  const lt = new Uint8Array(last.byteLength + 1)
  lt.set(last)
  return { ...range, lt }
}
