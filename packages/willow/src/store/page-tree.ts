import type { Page, Row } from './page.ts'
import { Rows } from './page.ts'
import { coverageOf, type Place, type PlaceRange } from './place.ts'
import { Sum } from './sum.ts'

/** When pages and groups are cut in two. */
export interface TreeSizes {
  /** Rows of a page, 2 or more. */
  readonly maxPageRows: number
  /** Pages of a group, 2 or more. */
  readonly maxGroupPages: number
}

/** Whoever keeps pages elsewhere. */
export interface PageWatcher {
  /** The rows of this page are about to change, or the page is new. */
  changed(page: Page): void
  /** It is no part of the tree any more. */
  dropped(page: Page): void
}

/** Neighbouring pages, with their sum. */
export interface Group {
  readonly pages: Page[]
  sum: Sum
}

/** A part of a range: a whole group, a whole page, or a page of which one must look at the rows. */
export type Piece =
  | { readonly type: 'group'; readonly group: Group }
  | { readonly type: 'page'; readonly page: Page }
  | { readonly type: 'rows'; readonly page: Page }

/**
 * Sums over the entries in the order of their places, three levels high: entries in pages,
 * pages in groups, groups in one list. Range sums cost a walk over the groups, two groups and
 * two pages: at a million entries about a hundred of each.
 *
 * Pages and groups stay in memory; rows come and go, and a page must have them before it is
 * changed. Nothing in here waits.
 */
export class PageTree {
  #groups: Group[] = []
  #nextId: number
  readonly #watcher: PageWatcher
  readonly #sizes: TreeSizes
  total: Sum = new Sum()

  /** @param pages - In the order of their places, the first with the empty place; none for an empty tree. */
  constructor(pages: readonly Page[], watcher: PageWatcher, sizes: TreeSizes) {
    this.#watcher = watcher
    this.#sizes = sizes
    this.#nextId = 1 + pages.reduce((greatest, { id }) => Math.max(greatest, id), -1)
    const all = pages.length > 0 ? pages : [this.#newPage('', new Rows(), undefined)]
    const step = sizes.maxGroupPages >>> 1
    for (let at = 0; at < all.length; at += step) {
      const some = all.slice(at, at + step)
      this.#groups.push({ pages: some, sum: sumOf(some) })
    }
    this.total = sumOf(this.#groups)
  }

  /** The page that has a place in its range. */
  pageOf(place: Place): Page {
    return this.#locate(place).page
  }

  /** The page after the one that has `place` in its range. */
  pageAfter(place: Place): Page | undefined {
    const { groupAt, pageAt } = this.#locate(place)
    return this.#groups[groupAt]?.pages[pageAt + 1] ?? this.#groups[groupAt + 1]?.pages[0]
  }

  /**
   * What a range is made of.
   *
   * @yields the pieces in order, without empty pages and groups.
   */
  *pieces(range: PlaceRange): Generator<Piece> {
    const groups = this.#groups
    for (let groupAt = this.#locate(range.from).groupAt; groupAt < groups.length; groupAt++) {
      const group = groups[groupAt]!
      const low = group.pages[0]!.low
      if (range.to !== undefined && low >= range.to) return
      const high = groups[groupAt + 1]?.pages[0]?.low
      const coverage = combine(coverageOf(range, low, high), timesOf(range, group.sum))
      if (coverage === 'all') yield { type: 'group', group }
      else if (coverage === 'some') yield* piecesOfGroup(range, group, high)
    }
  }

  /** Puts a row into the page that has its place, at `index` of the rows. */
  insert(page: Page, index: number, row: Row): void {
    this.#watcher.changed(page)
    const { groupAt, pageAt, group } = this.#locate(row.place)
    const rows = page.rows!
    rows.insert(index, row)
    for (const sum of [page.sum, group.sum, this.total]) rows.addTo(sum, index)
    if (rows.length > this.#sizes.maxPageRows) this.#splitPage(groupAt, pageAt)
  }

  /** Takes the row at `index` out of a page; see {@link dropEmpty}. */
  remove(page: Page, index: number): void {
    this.#watcher.changed(page)
    const rows = page.rows!
    const { group } = this.#locate(rows.places[index]!)
    const isPageOff = rows.subtractFrom(page.sum, index)
    const isGroupOff = rows.subtractFrom(group.sum, index)
    const isTotalOff = rows.subtractFrom(this.total, index)
    rows.remove(index)
    if (isPageOff) rows.boundInto(page.sum)
    if (isGroupOff) boundFrom(group.sum, group.pages)
    if (isTotalOff) boundFrom(this.total, this.#groups)
  }

  /**
   * Lets a page go if it has no rows; the one before has its range from then on. Not while
   * rows that were removed can still be read: that page would find them there.
   */
  dropEmpty(page: Page): void {
    // The first page stays: every place must have a page.
    if (page.sum.count > 0 || page.low === '') return
    const { groupAt, pageAt, group } = this.#locate(page.low)
    group.pages.splice(pageAt, 1)
    if (group.pages.length === 0) this.#groups.splice(groupAt, 1)
    this.#watcher.dropped(page)
  }

  /** Puts a page's sum right, when its rows say something else. */
  correct(page: Page, sum: Sum): void {
    page.sum = sum
    const { group } = this.#locate(page.low)
    group.sum = sumOf(group.pages)
    this.total = sumOf(this.#groups)
  }

  #locate(place: Place): { groupAt: number; pageAt: number; group: Group; page: Page } {
    const groupAt = lastNotAbove(this.#groups, place, (group) => group.pages[0]!.low)
    const group = this.#groups[groupAt]!
    const pageAt = lastNotAbove(group.pages, place, (page) => page.low)
    return { groupAt, pageAt, group, page: group.pages[pageAt]! }
  }

  /** A page that is not yet anywhere, with an id of its own. */
  #newPage(low: Place, rows: Rows, origin: number | undefined): Page {
    const id = this.#nextId++
    return { id, low, origin: origin ?? id, sum: rows.sum(), rows }
  }

  #splitPage(groupAt: number, pageAt: number): void {
    const group = this.#groups[groupAt]!
    const page = group.pages[pageAt]!
    const rest = page.rows!.splitOff(page.rows!.length >>> 1)
    const other = this.#newPage(rest.places[0]!, rest, page.origin)
    group.pages.splice(pageAt + 1, 0, other)
    page.sum = page.rows!.sum()
    this.#watcher.changed(other)
    if (group.pages.length > this.#sizes.maxGroupPages) this.#splitGroup(groupAt)
  }

  #splitGroup(groupAt: number): void {
    const group = this.#groups[groupAt]!
    const rest = group.pages.splice(group.pages.length >>> 1)
    group.sum = sumOf(group.pages)
    this.#groups.splice(groupAt + 1, 0, { pages: rest, sum: sumOf(rest) })
  }
}

function* piecesOfGroup(
  range: PlaceRange,
  { pages }: Group,
  end: Place | undefined,
): Generator<Piece> {
  for (let at = lastNotAbove(pages, range.from, (page) => page.low); at < pages.length; at++) {
    const page = pages[at]!
    const high = pages[at + 1]?.low ?? end
    const coverage = combine(coverageOf(range, page.low, high), timesOf(range, page.sum))
    if (coverage === 'all') yield { type: 'page', page }
    else if (coverage === 'some') yield { type: 'rows', page }
  }
}

type Coverage = ReturnType<typeof coverageOf>

function combine(places: Coverage, times: Coverage): Coverage {
  if (places === 'none' || times === 'none') return 'none'
  return places === 'all' && times === 'all' ? 'all' : 'some'
}

function timesOf(range: PlaceRange, sum: Sum): Coverage {
  if (sum.count === 0 || sum.maxTimestamp < range.timeFrom) return 'none'
  if (range.timeTo !== undefined && sum.minTimestamp >= range.timeTo) return 'none'
  const isAll =
    sum.minTimestamp >= range.timeFrom &&
    (range.timeTo === undefined || sum.maxTimestamp < range.timeTo)
  return isAll ? 'all' : 'some'
}

function sumOf(parts: readonly { readonly sum: Sum }[]): Sum {
  const whole = new Sum()
  for (const { sum } of parts) whole.addSum(sum)
  return whole
}

function boundFrom(sum: Sum, parts: readonly { readonly sum: Sum }[]): void {
  const { minTimestamp, maxTimestamp } = sumOf(parts)
  sum.bound(minTimestamp, maxTimestamp)
}

/** The last item whose low place is not above `place`; the first item when there is none. */
function lastNotAbove<Item>(
  items: readonly Item[],
  place: Place,
  lowOf: (item: Item) => Place,
): number {
  let low = 0
  let high = items.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (lowOf(items[middle]!) <= place) low = middle
    else high = middle
  }
  return low
}
