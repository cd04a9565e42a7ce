import {
  ID_BYTES,
  idSuccessor,
  pathRanges,
  subspaceRanges,
  type Path,
  type Range,
  type Range3d,
  type RangeKind,
} from '@vudo/meadowcap'
import { MAX_SPLIT_PARTS } from '../limits.ts'
import type { EntryIndex } from './entry-index.ts'
import {
  pathOfPlace,
  placeRangeOf,
  subspaceOfPlace,
  textToBytes,
  type Place,
  type PlaceRange,
} from './place.ts'
import type { RangePart } from './store.ts'

/**
 * Cuts a range by the number of entries, along one dimension: between subspaces when it has
 * entries of several, else between paths, of which then no two are equal. Never by time.
 *
 * @throws `RangeError` when `parts` is out of range.
 */
export async function splitRange(
  index: EntryIndex,
  range: Range3d,
  parts: number,
): Promise<RangePart[]> {
  if (!Number.isInteger(parts) || parts < 2 || parts > MAX_SPLIT_PARTS) {
    throw new RangeError(`${parts} parts, expected 2 to ${MAX_SPLIT_PARTS}`)
  }
  const places = placeRangeOf(range)
  const whole = await index.summarise(places)
  if (whole.count <= 1) return [{ range, summary: whole.toSummary() }]
  const ranges = await cut(index, { range, places, count: whole.count }, parts)
  const found: RangePart[] = []
  for (const part of ranges) {
    const sum = await index.summarise(placeRangeOf(part))
    found.push({ range: part, summary: sum.toSummary() })
  }
  return found
}

interface Whole {
  readonly range: Range3d
  readonly places: PlaceRange
  readonly count: number
}

async function cut(index: EntryIndex, whole: Whole, parts: number): Promise<Range3d[]> {
  const { range, places, count } = whole
  const steps = Math.min(parts, count)
  const ranks = Array.from({ length: steps }, (_, step) => Math.floor((step * count) / steps))
  const starts = await index.placesAt(places, [...ranks, count - 1])
  const first = subspaceTextOf(starts[0]!)
  const last = subspaceTextOf(starts.at(-1)!)
  if (first === last) {
    const paths = starts.slice(1, -1).map(pathOfPlace)
    return tile<Path>(pathRanges, range.paths, paths).map((part) => ({ ...range, paths: part }))
  }
  const distinct = new Set(starts.slice(0, -1).map(subspaceTextOf))
  distinct.delete(first)
  // The first subspace has nearly everything: cut behind it.
  if (distinct.size === 0) distinct.add(await subspaceAfter(index, range, first))
  const subspaces = [...distinct].map(subspaceOfPlace)
  return tile<Uint8Array>(subspaceRanges, range.subspaces, subspaces).map((part) => ({
    ...range,
    subspaces: part,
  }))
}

/** The least subspace with entries of a range that is greater than `first`; there is one. */
async function subspaceAfter(index: EntryIndex, range: Range3d, first: string): Promise<string> {
  const next = idSuccessor(textToBytes(first))!
  const subspaces = subspaceRanges.create(next, range.subspaces.end)
  const [place] = await index.placesAt(placeRangeOf({ ...range, subspaces }), [0])
  return subspaceTextOf(place!)
}

function subspaceTextOf(place: Place): string {
  return place.slice(0, ID_BYTES)
}

/** Ranges that follow each other from the start of `whole` to its end. */
function tile<Value>(
  kind: RangeKind<Value>,
  whole: Range<Value>,
  starts: readonly Value[],
): Range<Value>[] {
  const bounds = [whole.start, ...starts]
  return bounds.map((start, at) => kind.create(start, bounds[at + 1] ?? whole.end))
}
