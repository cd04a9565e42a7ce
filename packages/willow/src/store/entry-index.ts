import type { Backing, Opened, SavedPages } from './backing.ts'
import { PageTree, type Piece } from './page-tree.ts'
import { Rows, type Page, type Row } from './page.ts'
import type { Place, PlaceRange } from './place.ts'
import { rowsInside } from './rows-inside.ts'
import { Sum } from './sum.ts'
import { MAX_KNOWN_VACANT } from '../limits.ts'
import type { StoreTuning } from './tuning.ts'
import { UnsavedPages } from './unsaved-pages.ts'

/** Where a row is, or would be. */
export interface Spot {
  readonly page: Page
  readonly rows: Rows
  readonly index: number
}

/** From `low` on and before `high`. */
export interface Span {
  readonly low: Place
  readonly high: Place | undefined
}

/**
 * The sums of a store and the rows below them: brings rows when they are needed, lets those
 * go that were not used for the longest time, and knows which pages are to be saved.
 *
 * One task at a time: what one call has brought must not leave before the next one uses it.
 */
export class EntryIndex {
  readonly #backing: Backing
  readonly #tuning: StoreTuning
  #tree: PageTree
  /** Pages with rows, the one used last at the end. Only kept up when rows can be read again. */
  #recent = new Set<Page>()
  /** Pages that differ from what is durable: their rows cannot be read again. */
  #uncommitted = new Set<Page>()
  #emptied = new Set<Page>()
  readonly #saving: UnsavedPages
  readonly #vacant = new Set<Place>()

  constructor(backing: Backing, tuning: StoreTuning) {
    this.#backing = backing
    this.#tuning = tuning
    this.#saving = new UnsavedPages(tuning)
    this.#tree = new PageTree([], this, tuning)
  }

  /** Everything together. */
  get total(): Sum {
    return this.#tree.total
  }

  /** Starts from what is stored; forgets what was not committed. */
  async load({ pages: stored, strayPages }: Opened): Promise<void> {
    this.#recent.clear()
    this.#uncommitted.clear()
    this.#emptied.clear()
    this.#vacant.clear()
    this.#saving.load(stored, strayPages)
    const pages: Page[] = []
    let nextId = 1 + stored.reduce((greatest, { id }) => Math.max(greatest, id), -1)
    for (let at = 0; at < stored.length; at++) {
      const { id, low, sum } = stored[at]!
      if (sum?.count === 0 && low !== '') this.#saving.drop(id)
      else if (sum) pages.push({ id, low, origin: id, sum, rows: undefined })
      else {
        // Dirty neighbours together: one scan costs less than many.
        while (stored[at + 1] !== undefined && stored[at + 1]?.sum === undefined) {
          at += 1
          this.#saving.drop(stored[at]!.id)
        }
        const found = await this.#rebuild(id, { low, high: stored[at + 1]?.low }, nextId)
        nextId += found.length
        for (const page of found) pages.push(page)
      }
    }
    this.#tree = new PageTree(pages, this, this.#tuning)
    this.#trim()
  }

  /** The pages of a dirty span, of which the first keeps the id. */
  async #rebuild(id: number, span: Span, nextId: number): Promise<Page[]> {
    const pages: Page[] = []
    let rows = new Rows()
    const finish = (): void => {
      const isFirst = pages.length === 0
      if (rows.length === 0 && !(isFirst && span.low === '')) return
      const low = isFirst ? span.low : rows.places[0]!
      const pageId = isFirst ? id : nextId + pages.length
      const page = { id: pageId, low, origin: id, sum: rows.sum(), rows }
      pages.push(page)
      this.#saving.add(page)
      this.#recent.add(page)
      this.#trim()
      rows = new Rows()
    }
    for await (const row of this.#backing.ordered!.rows(span.low, span.high)) {
      rows.insert(rows.length, row)
      // Three quarters full: room for what comes between.
      if (rows.length >= (this.#tuning.maxPageRows * 3) / 4) finish()
    }
    finish()
    if (pages.length === 0) this.#saving.drop(id)
    return pages
  }

  /** Where the row of a place is, or would be. Waits only when rows must be read. */
  find(place: Place): Spot | Promise<Spot> {
    const page = this.#tree.pageOf(place)
    const { rows } = page
    if (this.#backing.ordered && rows) this.#touch(page)
    if (rows === undefined) return this.#bring(page).then(() => this.find(place))
    return { page, rows, index: rows.lowerBound(place) }
  }

  /**
   * Tells whether nothing is at a place, as far as that was found out before: entries come
   * below the same few places again and again.
   */
  isKnownVacant(place: Place): boolean {
    return this.#vacant.has(place)
  }

  /** Remembers that nothing is at a place. */
  noteVacant(place: Place): void {
    if (this.#vacant.size >= MAX_KNOWN_VACANT) this.#vacant.clear()
    this.#vacant.add(place)
  }

  /** Puts a row in where there is none of its place. */
  async insert(row: Row): Promise<void> {
    this.#vacant.delete(row.place)
    const found = this.find(row.place)
    const { page, index } = found instanceof Promise ? await found : found
    this.#tree.insert(page, index, row)
  }

  /** Takes a row out. */
  async remove(place: Place): Promise<void> {
    const found = this.find(place)
    const { page, rows, index } = found instanceof Promise ? await found : found
    if (rows.places[index] !== place) return
    this.#tree.remove(page, index)
    if (rows.length === 0) this.#emptied.add(page)
  }

  /**
   * The places that begin with the row's place and hold older entries.
   *
   * @yields those of one page, which may be removed before the next is asked for.
   */
  async *olderBelow(row: Row): AsyncGenerator<{ place: Place; timestamp: bigint }[]> {
    let low: Place | undefined = row.place
    while (low !== undefined) {
      const page = this.#tree.pageOf(low)
      const next: Place | undefined = this.#tree.pageAfter(low)?.low
      // With equal timestamps the digest decides, so only pages of greater ones are passed over.
      if (page.sum.count > 0 && page.sum.minTimestamp <= row.timestamp) {
        const found = this.find(low)
        const { rows, index } = found instanceof Promise ? await found : found
        const older = olderRows(rows, index, row)
        if (older.length > 0) yield older
      }
      low = next?.startsWith(row.place) === true ? next : undefined
    }
  }

  /** Count, fingerprint and bounds of a range. */
  async summarise(range: PlaceRange): Promise<Sum> {
    const sum = new Sum()
    for (const piece of this.#tree.pieces(range)) {
      if (piece.type === 'group') sum.addSum(piece.group.sum)
      else if (piece.type === 'page') sum.addSum(piece.page.sum)
      else {
        const rows = piece.page.rows ?? (await this.#bring(piece.page))
        for (const index of rowsInside(rows, range)) rows.addTo(sum, index)
      }
    }
    return sum
  }

  /** The places of a range that are at these ranks, which ascend. */
  async placesAt(range: PlaceRange, ranks: readonly number[]): Promise<Place[]> {
    const places: Place[] = []
    let passed = 0
    const isPassed = ({ count }: Sum): boolean => {
      const rank = ranks[places.length]
      if (rank !== undefined && rank < passed + count) return false
      passed += count
      return true
    }
    for (const { page, isWhole } of pagesOf(this.#tree.pieces(range), isPassed)) {
      const rows = page.rows ?? (await this.#bring(page))
      const inside = isWhole ? undefined : rowsInside(rows, range)
      const count = inside?.length ?? rows.length
      for (;;) {
        const rank = ranks[places.length]
        if (rank === undefined || rank >= passed + count) break
        places.push(rows.places[inside?.[rank - passed] ?? rank - passed]!)
      }
      passed += count
      if (places.length === ranks.length) break
    }
    return places
  }

  /** The first places of a range after `after`, for an index whose rows are all here. */
  placesAfter(range: PlaceRange, after: Place | undefined, limit: number): Place[] {
    const from = after === undefined || after < range.from ? range.from : after
    const places: Place[] = []
    for (const { page } of pagesOf(this.#tree.pieces({ ...range, from }), passNone)) {
      const rows = page.rows!
      for (const index of rowsInside(rows, range, from)) {
        const place = rows.places[index]!
        if (place !== after) places.push(place)
      }
      if (places.length >= limit) break
    }
    return places.slice(0, limit)
  }

  /** Where entries of a range can be, in order, as few as possible. */
  spans(range: PlaceRange): Span[] {
    const spans: { low: Place; high: Place | undefined }[] = []
    for (const { page } of pagesOf(this.#tree.pieces(range), passNone)) {
      const low = page.low < range.from ? range.from : page.low
      const next = this.#tree.pageAfter(page.low)?.low
      const high =
        range.to !== undefined && (next === undefined || next > range.to) ? range.to : next
      const last = spans.at(-1)
      if (last?.high === page.low) last.high = high
      else spans.push({ low, high })
    }
    return spans
  }

  /** See {@link PageWatcher}. */
  changed(page: Page): void {
    if (!this.#backing.ordered) return
    this.#recent.add(page)
    this.#uncommitted.add(page)
    this.#saving.change(page)
  }

  /** See {@link PageWatcher}. */
  dropped(page: Page): void {
    this.#recent.delete(page)
    this.#uncommitted.delete(page)
    this.#saving.forget(page)
  }

  /** The pages that the next commit has to mark as dirty. */
  get newlyDirty(): readonly number[] {
    return this.#saving.newlyDirty
  }

  /** Tells whether so much has changed that the sums should be saved, which bounds what a crash costs. */
  get isDue(): boolean {
    return this.#saving.isDue
  }

  /** Whether anything differs from what was saved. */
  get isUnsaved(): boolean {
    return this.#saving.isUnsaved
  }

  /** What is to be saved. Must be committed before anything else happens. */
  takeUnsaved(): SavedPages {
    return this.#saving.take()
  }

  /** What was changed is durable now. */
  committed(): void {
    this.#saving.committed()
    const emptied = [...this.#emptied]
    this.#emptied.clear()
    this.#uncommitted.clear()
    for (const page of emptied) this.#tree.dropEmpty(page)
    this.#trim()
  }

  async #bring(page: Page): Promise<Rows> {
    const rows = new Rows()
    const high = this.#tree.pageAfter(page.low)?.low
    for await (const row of this.#backing.ordered!.rows(page.low, high)) {
      rows.insert(rows.length, row)
    }
    page.rows = rows
    const sum = rows.sum()
    if (sum.count !== page.sum.count || differ(sum, page.sum)) {
      // A damaged record counts as absent; the sums must say what is left.
      this.#tree.correct(page, sum)
      this.changed(page)
    }
    this.#trim()
    this.#touch(page)
    return rows
  }

  #touch(page: Page): void {
    this.#recent.delete(page)
    this.#recent.add(page)
  }

  /** Lets go of the rows that were not used for the longest time. */
  #trim(): void {
    if (!this.#backing.ordered || this.#recent.size <= this.#tuning.cachedPages) return
    for (const page of this.#recent) {
      if (this.#uncommitted.has(page)) continue
      page.rows = undefined
      this.#recent.delete(page)
      if (this.#recent.size <= this.#tuning.cachedPages) return
    }
  }
}

function olderRows(rows: Rows, from: number, row: Row): { place: Place; timestamp: bigint }[] {
  const older: { place: Place; timestamp: bigint }[] = []
  for (let index = from; index < rows.length; index++) {
    const place = rows.places[index]!
    if (!place.startsWith(row.place)) break
    if (rows.compareRecency(index, row) < 0) {
      older.push({ place, timestamp: rows.timestampAt(index) })
    }
  }
  return older
}

/**
 * The pages of pieces. Groups and pages of which `isPassed` says so are passed over.
 *
 * @yields each page, and whether all of its rows are in the range.
 */
function* pagesOf(
  pieces: Iterable<Piece>,
  isPassed: (sum: Sum) => boolean,
): Generator<{ readonly page: Page; readonly isWhole: boolean }> {
  for (const piece of pieces) {
    if (piece.type === 'rows') yield { page: piece.page, isWhole: false }
    else if (piece.type === 'page') {
      if (!isPassed(piece.page.sum)) yield { page: piece.page, isWhole: true }
    } else if (!isPassed(piece.group.sum)) {
      for (const page of piece.group.pages) {
        if (page.sum.count > 0 && !isPassed(page.sum)) yield { page, isWhole: true }
      }
    }
  }
}

const passNone = (): boolean => false

function differ(a: Sum, b: Sum): boolean {
  return a.words.some((word, index) => word !== b.words[index])
}
