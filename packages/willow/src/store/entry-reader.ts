import { WALK_ENTRIES } from '../limits.ts'
import type { Backing, OrderedBacking } from './backing.ts'
import type { EntryIndex } from './entry-index.ts'
import type { Held } from './held.ts'
import { includesPlace, includesTime, type Place, type PlaceRange } from './place.ts'
import type { EntryOrder, ReadOptions } from './store.ts'

/** What reading needs of the store. */
export interface ReaderContext {
  readonly backing: Backing
  readonly index: EntryIndex
  /** Runs `task` alone. */
  readonly task: <Result>(task: () => Result) => Promise<Result>
}

/** Lists the entries of ranges, as the backing has them. */
export class EntryReader {
  readonly #context: ReaderContext

  constructor(context: ReaderContext) {
    this.#context = context
  }

  /** The entries of a range in an order. */
  read(range: PlaceRange, options: ReadOptions): AsyncIterable<Held> {
    const { order = 'subspace', limit, signal } = options
    const all = this.#inOrder(range, order)
    // Every generator around another one costs as much as reading a record.
    return limit === undefined && signal === undefined ? all : limited(all, options)
  }

  #inOrder(range: PlaceRange, order: EntryOrder): AsyncIterable<Held> {
    const { backing } = this.#context
    if (order !== 'subspace') return backing.scanOrdered(range, order)
    if (backing.ordered === undefined) return this.#walk(range)
    const isPlain = range.isContiguous && range.timeFrom === 0n && range.timeTo === undefined
    return isPlain
      ? backing.ordered.entries(range.from, range.to)
      : this.#scanSpans(backing.ordered, range)
  }

  async *#scanSpans(ordered: OrderedBacking, range: PlaceRange): AsyncGenerator<Held> {
    const { index, task } = this.#context
    const spans = await task(() => index.spans(range))
    for (const { low, high } of spans) {
      for await (const held of ordered.entries(low, high)) {
        if (includesPlace(range, held.place) && includesTime(range, held.timestamp)) yield held
      }
    }
  }

  async *#walk(range: PlaceRange): AsyncGenerator<Held> {
    const { backing, index, task } = this.#context
    let after: Place | undefined
    for (;;) {
      const places = await task(() => index.placesAfter(range, after, WALK_ENTRIES))
      for (const held of await backing.read(places)) if (held) yield held
      if (places.length < WALK_ENTRIES) return
      after = places.at(-1)
    }
  }
}

async function* limited(
  all: AsyncIterable<Held>,
  { limit = Number.POSITIVE_INFINITY, signal }: ReadOptions,
): AsyncGenerator<Held> {
  let left = limit
  if (left <= 0) return
  for await (const held of all) {
    signal?.throwIfAborted()
    yield held
    left -= 1
    if (left <= 0) return
  }
}
