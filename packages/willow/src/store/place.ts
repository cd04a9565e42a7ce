/**
 * Where an entry lies, as one text: its subspace id and then the sort key of its path, one
 * character per byte. Such texts compare as (subspace, path) does, a path's text begins with
 * those of its prefixes, and the platform compares them as fast as memory.
 */
import { ID_BYTES, LEAST_ID, pathFromSortKey, type Path, type Range3d } from '@vudo/meadowcap'
import type { EntryAddress } from './store.ts'

/** Subspace id and sort key, one character from `\0` to `ÿ` per byte. */
export type Place = string

/** The place of an entry. */
export function placeOf({ subspaceId, path }: EntryAddress): Place {
  return bytesToText(subspaceId) + bytesToText(path.sortKey)
}

/** The subspace id of a place, in a new buffer. */
export function subspaceOfPlace(place: Place): Uint8Array {
  return textToBytes(place.slice(0, ID_BYTES))
}

/** The path of a place. */
export function pathOfPlace(place: Place): Path {
  return pathFromSortKey(textToBytes(place.slice(ID_BYTES)))
}

/** A 3d range in the terms of places. */
export interface PlaceRange {
  readonly subspaceFrom: string
  readonly subspaceTo: string | undefined
  readonly pathFrom: string
  readonly pathTo: string | undefined
  readonly timeFrom: bigint
  readonly timeTo: bigint | undefined
  /** No place of the range is less. */
  readonly from: Place
  /** All places of the range are less; `undefined` for no bound. */
  readonly to: Place | undefined
  /** Whether every place from `from` to `to` is in the range, apart from times. */
  readonly isContiguous: boolean
}

/** The same range, in the terms of places. */
export function placeRangeOf({ subspaces, paths, times }: Range3d): PlaceRange {
  const subspaceFrom = bytesToText(subspaces.start)
  const subspaceTo = subspaces.end && bytesToText(subspaces.end)
  const pathFrom = bytesToText(paths.start.sortKey)
  const pathTo = paths.end && bytesToText(paths.end.sortKey)
  const isOneSubspace = isNextSubspace(subspaceFrom, subspaceTo)
  const isEveryPath = pathFrom === '' && pathTo === undefined
  return {
    subspaceFrom,
    subspaceTo,
    pathFrom,
    pathTo,
    timeFrom: times.start,
    timeTo: times.end,
    // The least place is the empty text, so that the first page is inside of a full range.
    from: subspaceFrom === leastSubspace && isEveryPath ? '' : subspaceFrom + pathFrom,
    to: isOneSubspace && pathTo !== undefined ? subspaceFrom + pathTo : subspaceTo,
    isContiguous: isOneSubspace || isEveryPath,
  }
}

/** Tells whether a place is in the range, whatever its timestamp. */
export function includesPlace(range: PlaceRange, place: Place): boolean {
  if (place < range.from || (range.to !== undefined && place >= range.to)) return false
  if (range.isContiguous) return true
  const path = place.slice(ID_BYTES)
  return path >= range.pathFrom && (range.pathTo === undefined || path < range.pathTo)
}

/** Tells whether a timestamp is in the range. */
export function includesTime(range: PlaceRange, timestamp: bigint): boolean {
  return timestamp >= range.timeFrom && (range.timeTo === undefined || timestamp < range.timeTo)
}

/**
 * How much of what lies from `low` on and before `high` is in the range, whatever its
 * timestamps: nothing, everything, or one cannot tell from the bounds.
 */
export function coverageOf(
  range: PlaceRange,
  low: Place,
  high: Place | undefined,
): 'none' | 'some' | 'all' {
  if (range.to !== undefined && low >= range.to) return 'none'
  if (high !== undefined && high <= range.from) return 'none'
  if (range.isContiguous) return isInside(low, high, range.from, range.to) ? 'all' : 'some'
  if (high === undefined || low.slice(0, ID_BYTES) !== high.slice(0, ID_BYTES)) return 'some'
  const [pathLow, pathHigh] = [low.slice(ID_BYTES), high.slice(ID_BYTES)]
  if (range.pathTo !== undefined && pathLow >= range.pathTo) return 'none'
  if (pathHigh <= range.pathFrom) return 'none'
  return isInside(pathLow, pathHigh, range.pathFrom, range.pathTo) ? 'all' : 'some'
}

function isInside(
  low: string,
  high: string | undefined,
  from: string,
  to: string | undefined,
): boolean {
  return low >= from && (to === undefined || (high !== undefined && high <= to))
}

/** One character per byte. */
export function bytesToText(bytes: Uint8Array): string {
  if (bytes.length <= maxArguments) return charactersOf(bytes)
  let text = ''
  for (let at = 0; at < bytes.length; at += maxArguments) {
    text += charactersOf(bytes.subarray(at, at + maxArguments))
  }
  return text
}

/** Undoes {@link bytesToText}, in a new buffer. */
export function textToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  return bytes
}

/** Arguments of one call: far more is no faster, and some platforms refuse it. */
const maxArguments = 1_024

function charactersOf(bytes: Uint8Array): string {
  // `apply` and not a spread: the platform takes the bytes as they are instead of walking an iterator.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion, unicorn/prefer-spread -- array-like is all it needs
  return String.fromCharCode.apply(undefined, bytes as unknown as number[])
}

const leastSubspace: string = bytesToText(LEAST_ID)

/** Tells whether `next` is the id after `subspace`, so that nothing fits between them. */
function isNextSubspace(subspace: string, next: string | undefined): boolean {
  let at = subspace.length - 1
  while (at >= 0 && subspace.charCodeAt(at) === 0xff) at--
  if (next === undefined) return at < 0
  const increased =
    subspace.slice(0, at) +
    String.fromCharCode(subspace.charCodeAt(at) + 1) +
    '\0'.repeat(subspace.length - 1 - at)
  return at >= 0 && increased === next
}
