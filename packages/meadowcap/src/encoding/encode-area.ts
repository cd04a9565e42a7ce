import { bytesEqual } from '@vudo/wire'
import { areaIncludes, createArea, type Area } from '../data/area.ts'
import { timeRanges, type TimeRange } from '../data/range.ts'
import { ID_BYTES } from '../limits.ts'
import { compactTag, readCompactBody, writeCompactBody } from './compact-u64.ts'
import { readCanonical, type Cursor } from './cursor.ts'
import { readPathExtends, writePathExtends } from './encode-path.ts'
import { encodeWith, type Sink } from './sink.ts'
import { addTime, nearerBound, subtractTime } from './time-difference.ts'

/**
 * Writes `area_in_area`, which is also the code of `EncodeAreaInArea` that we choose:
 * how `area` restricts `reference`. It stands in every signed delegation.
 *
 * @throws `RangeError` when `reference` does not include `area`.
 */
export function writeAreaInArea(sink: Sink, area: Area, reference: Area): void {
  if (!areaIncludes(reference, area))
    throw new RangeError('the reference does not include the area')
  const { subspaceId } = area
  const times = timesInTimes(area.times, reference.times)
  // The reference includes the area, so the subspace can only differ from "any".
  const narrows = subspaceId !== undefined && reference.subspaceId === undefined
  sink.byte((narrows ? 0x80 : 0) | (area.times.end === undefined ? 0x40 : 0) | times.bits)
  if (narrows) sink.bytes(subspaceId)
  writeTimes(sink, times)
  writePathExtends(sink, area.path, reference.path)
}

/** The bytes of `area_in_area`. Throws as {@link writeAreaInArea}. */
export function encodeAreaInArea(area: Area, reference: Area): Uint8Array {
  return encodeWith((sink) => writeAreaInArea(sink, area, reference))
}

/** Reads `EncodeAreaInArea`. Throws as every reader, also when the reference does not include the area. */
export function readAreaInArea(cursor: Cursor, reference: Area): Area {
  const start = cursor.offset
  const header = cursor.byte()
  const isOpen = (header & 0x40) !== 0
  checkTimeFlags(cursor, header, { isOpen, reference: reference.times })
  let subspaceId = reference.subspaceId
  if ((header & 0x80) !== 0) {
    if (subspaceId !== undefined) throw cursor.error('another subspace than the reference', start)
    subspaceId = cursor.take(ID_BYTES)
  }
  const times = readTimes(cursor, header, { isOpen, reference: reference.times })
  return createArea({ subspaceId, path: readPathExtends(cursor, reference.path), times })
}

/** Reads `area_in_area`: as {@link readAreaInArea}, and only the canonical code. */
export function readCanonicalAreaInArea(cursor: Cursor, reference: Area): Area {
  return readCanonical(cursor, {
    read: (from) => readAreaInArea(from, reference),
    write: (sink, area) => writeAreaInArea(sink, area, reference),
  })
}

/** The times of an area as its encodings write them. */
export interface TimesCode {
  /** Bits 2 to 7 of the header: both flags and both tags. */
  readonly bits: number
  readonly startDifference: bigint
  /** `undefined` when the times are open. */
  readonly endDifference: bigint | undefined
}

/** Counts both ends from the nearer bound of `reference`; from its end when both are as near. */
export function timesInTimes(times: TimeRange, reference: TimeRange): TimesCode {
  const start = nearerBound(times.start, reference, false)
  let bits = (start.fromStart ? 0x20 : 0) | (compactTag(start.difference, 2) << 2)
  if (times.end === undefined) {
    return { bits, startDifference: start.difference, endDifference: undefined }
  }
  const end = nearerBound(times.end, reference, false)
  bits |= (end.fromStart ? 0x10 : 0) | compactTag(end.difference, 2)
  return { bits, startDifference: start.difference, endDifference: end.difference }
}

/** Writes the bodies that belong to the bits. */
export function writeTimes(sink: Sink, times: TimesCode): void {
  writeCompactBody(sink, times.startDifference, 2)
  if (times.endDifference !== undefined) writeCompactBody(sink, times.endDifference, 2)
}

/** What reading times needs to know: whether they are open, and what they are relative to. */
export interface TimesContext {
  readonly isOpen: boolean
  readonly reference: TimeRange
}

/** Throws unless the flags in `header` count from bounds that the reference has. */
export function checkTimeFlags(cursor: Cursor, header: number, context: TimesContext): void {
  const { isOpen, reference } = context
  const at = cursor.offset - 1
  if (reference.end !== undefined) {
    if (isOpen) throw cursor.error('open times in a closed reference', at)
    return
  }
  if ((header & 0x20) === 0) throw cursor.error('times counted from an end that is open', at)
  // An open end is not counted from anywhere, and then the flag is 0; any other only from the start.
  const endFromStart = (header & 0x10) !== 0
  if (endFromStart === isOpen) throw cursor.error('the flag of the end contradicts the times', at)
}

/** Reads both differences; the result is not empty and inside the reference. */
export function readTimes(cursor: Cursor, header: number, context: TimesContext): TimeRange {
  const { isOpen, reference } = context
  const at = cursor.offset
  const startDifference = readCompactBody(cursor, (header >> 2) & 3, 2)
  const start = timeFrom(cursor, (header & 0x20) !== 0, { difference: startDifference, reference })
  let end: bigint | undefined
  if (!isOpen) {
    const difference = readCompactBody(cursor, header & 3, 2)
    end = timeFrom(cursor, (header & 0x10) !== 0, { difference, reference })
    if (end <= start) throw cursor.error('the times are empty', at)
  }
  const times = timeRanges.create(start, end)
  if (!timeRanges.contains(reference, times)) {
    throw cursor.error('the times are not inside those of the reference', at)
  }
  return times
}

function timeFrom(
  cursor: Cursor,
  fromStart: boolean,
  step: { readonly difference: bigint; readonly reference: TimeRange },
): bigint {
  const { difference, reference } = step
  return fromStart
    ? addTime(cursor, reference.start, difference)
    : subtractTime(cursor, reference.end ?? 0n, difference)
}

/** Tells whether two optional subspaces are the same. */
export function sameSubspaces(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return bytesEqual(a, b)
}
