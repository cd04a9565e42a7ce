import { MAX_U64 } from '../limits.ts'
import { areaIncludesEntry, intersectAreas, type Area } from './area.ts'
import { assertU64, comparePlaces, compareRecency, type Entry } from './entry.ts'

/** An area, cut to the newest of its entries. */
export interface AreaOfInterest {
  readonly area: Area
  /** At most so many entries; 0 and 2^64 − 1 mean no limit. */
  readonly maxCount: bigint
  /** At most so many payload bytes together; 2^64 − 1 means no limit, 0 none at all. */
  readonly maxSize: bigint
}

/** What {@link createAreaOfInterest} takes; a limit left out is no limit. */
export interface AreaOfInterestInit {
  readonly area: Area
  readonly maxCount?: bigint | undefined
  readonly maxSize?: bigint | undefined
}

/**
 * A frozen area of interest. No limit on the count becomes 0, its one written form.
 *
 * @throws `RangeError` when a limit is no U64.
 */
export function createAreaOfInterest(init: AreaOfInterestInit): AreaOfInterest {
  const { area, maxCount = 0n, maxSize = MAX_U64 } = init
  assertU64(maxCount, 'maxCount')
  assertU64(maxSize, 'maxSize')
  return Object.freeze({ area, maxCount: maxCount === MAX_U64 ? 0n : maxCount, maxSize })
}

/**
 * The common area with the smaller limits; `undefined` when the areas have nothing
 * in common. No limit counts as infinity: a plain minimum would turn "none and 5"
 * into none.
 */
export function intersectAreasOfInterest(
  a: AreaOfInterest,
  b: AreaOfInterest,
): AreaOfInterest | undefined {
  const area = intersectAreas(a.area, b.area)
  if (area === undefined) return undefined
  const counts = [countLimit(a), countLimit(b)] as const
  return createAreaOfInterest({
    area,
    maxCount: counts[0] < counts[1] ? counts[0] : counts[1],
    maxSize: a.maxSize < b.maxSize ? a.maxSize : b.maxSize,
  })
}

/**
 * Those of `entries` that are of interest, newest first: the newest of the area, as
 * many as both limits allow. Among equally new ones the order of places decides.
 */
export function selectOfInterest(interest: AreaOfInterest, entries: Iterable<Entry>): Entry[] {
  const inside = [...entries].filter((entry) => areaIncludesEntry(interest.area, entry))
  const sorted = inside.toSorted((a, b) => compareRecency(b, a) || comparePlaces(a, b))
  const limit = countLimit(interest)
  const selected: Entry[] = []
  let size = 0n
  for (const entry of sorted) {
    size += entry.payloadLength
    if (BigInt(selected.length) >= limit) break
    if (interest.maxSize !== MAX_U64 && size > interest.maxSize) break
    selected.push(entry)
  }
  return selected
}

/** How many entries at most, with no limit as the greatest U64. */
function countLimit(interest: AreaOfInterest): bigint {
  return interest.maxCount === 0n ? MAX_U64 : interest.maxCount
}
