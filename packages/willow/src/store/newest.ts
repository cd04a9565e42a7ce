import { compareRecency, comparePlaces, MAX_U64, type AreaOfInterest } from '@vudo/meadowcap'
import { SORTED_AREA_ENTRIES } from '../limits.ts'
import type { EntryOrder, HeldEntry } from './store.ts'

/**
 * The newest entries of an area of interest: newest by timestamp, then digest, then length, as
 * `selectOfInterest` says. A small area is sorted; of a large one the order of time is walked
 * back, which looks at entries outside of the area too, but only as far as needed.
 *
 * @param count - Entries of the area.
 * @param read - Gives the entries of the area in an order.
 * @yields the newest first.
 */
export async function* newestOf(
  interest: AreaOfInterest,
  count: number,
  read: (order: EntryOrder) => AsyncIterable<HeldEntry>,
): AsyncGenerator<HeldEntry> {
  const maxCount = interest.maxCount === 0n ? MAX_U64 : interest.maxCount
  let taken = 0n
  let size = 0n
  const inOrder = count <= SORTED_AREA_ENTRIES ? sorted(read('subspace')) : byTime(read('newest'))
  for await (const held of inOrder) {
    size += held.entry.payloadLength
    if (taken >= maxCount || (interest.maxSize !== MAX_U64 && size > interest.maxSize)) return
    taken += 1n
    yield held
    if (taken === maxCount) return
  }
}

async function* sorted(entries: AsyncIterable<HeldEntry>): AsyncGenerator<HeldEntry> {
  const all: HeldEntry[] = []
  for await (const held of entries) all.push(held)
  yield* all.toSorted(byRecency)
}

// Puts those of one timestamp in order: the walk back gives them by place.
async function* byTime(entries: AsyncIterable<HeldEntry>): AsyncGenerator<HeldEntry> {
  let same: HeldEntry[] = []
  for await (const held of entries) {
    if (same.length > 0 && same[0]!.entry.timestamp !== held.entry.timestamp) {
      yield* same.toSorted(byRecency)
      same = []
    }
    same.push(held)
  }
  yield* same.toSorted(byRecency)
}

function byRecency(a: HeldEntry, b: HeldEntry): number {
  return compareRecency(b.entry, a.entry) || comparePlaces(a.entry, b.entry)
}
