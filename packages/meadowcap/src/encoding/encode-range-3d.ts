import { bytesEqual } from '@vudo/wire'
import type { Range3d } from '../data/range-3d.ts'
import {
  pathRanges,
  subspaceRanges,
  timeRanges,
  type PathRange,
  type Range,
  type RangeKind,
  type SubspaceRange,
  type TimeRange,
} from '../data/range.ts'
import { ID_BYTES } from '../limits.ts'
import { compactTag, readCompactBody, writeCompactBody } from './compact-u64.ts'
import type { Cursor } from './cursor.ts'
import { nearerPath } from './encode-entry-in-range.ts'
import { readPathRelative, writePathRelative } from './encode-path.ts'
import type { Sink } from './sink.ts'
import { addTime, nearerBound, subtractTime } from './time-difference.ts'

/** How a subspace bound is written, in two bits. 0 means open, which only an end can be. */
const bound = { open: 0, referenceStart: 1, referenceEnd: 2, written: 3 }

/** Writes `Encode3dRangeRelative3dRange`; the ranges need not overlap. */
export function write3dRangeRelative(sink: Sink, range: Range3d, reference: Range3d): void {
  const { subspaces, paths, times } = range
  const first = subspaceBound(subspaces.start, reference.subspaces)
  const last = subspaceBound(subspaces.end, reference.subspaces)
  const from = nearerPath(paths.start, reference.paths)
  const to = paths.end === undefined ? undefined : nearerPath(paths.end, reference.paths)
  const start = timeStep(times.start, reference.times)
  const end = times.end === undefined ? undefined : timeStep(times.end, reference.times)
  sink.byte(
    (first << 6) |
      (last << 4) |
      (from.fromStart ? 0x08 : 0) |
      (to === undefined ? 0x04 : 0) |
      (to?.fromStart === true ? 0x02 : 0) |
      (end === undefined ? 0x01 : 0),
  )
  sink.byte((start.bits << 4) | (end?.bits ?? 0))
  if (first === bound.written) sink.bytes(subspaces.start)
  if (last === bound.written && subspaces.end !== undefined) sink.bytes(subspaces.end)
  writePathRelative(sink, paths.start, from.reference)
  if (paths.end !== undefined && to !== undefined) {
    writePathRelative(sink, paths.end, to.reference)
  }
  writeCompactBody(sink, start.difference, 2)
  if (end !== undefined) writeCompactBody(sink, end.difference, 2)
}

function subspaceBound(id: Uint8Array | undefined, reference: SubspaceRange): number {
  if (id === undefined) return bound.open
  if (bytesEqual(id, reference.start)) return bound.referenceStart
  const isEnd = reference.end !== undefined && bytesEqual(id, reference.end)
  return isEnd ? bound.referenceEnd : bound.written
}

/** The four bits of one time: which bound, add or subtract, tag of the difference. */
function timeStep(
  time: bigint,
  reference: TimeRange,
): { readonly bits: number; readonly difference: bigint } {
  const { fromStart, difference } = nearerBound(time, reference, true)
  const base = fromStart ? reference.start : (reference.end ?? 0n)
  const bits = (fromStart ? 8 : 0) | (time >= base ? 4 : 0) | compactTag(difference, 2)
  return { bits, difference }
}

/** Reads `Encode3dRangeRelative3dRange`. Throws as every reader, also when a range would be empty. */
export function read3dRangeRelative(cursor: Cursor, reference: Range3d): Range3d {
  const start = cursor.offset
  const header = cursor.byte()
  const timeHeader = cursor.byte()
  if (header >> 6 === bound.open) throw cursor.error('a range has no start', start)
  const first = readSubspaceBound(cursor, header >> 6, reference.subspaces)
  const last = readSubspaceBound(cursor, (header >> 4) & 3, reference.subspaces)
  const from = readPathBound(cursor, (header & 0x08) !== 0, reference.paths)
  const to =
    (header & 0x04) !== 0
      ? undefined
      : readPathBound(cursor, (header & 0x02) !== 0, reference.paths)
  const since = readTimeBound(cursor, timeHeader >> 4, reference.times)
  const until =
    (header & 0x01) !== 0 ? undefined : readTimeBound(cursor, timeHeader & 0xf, reference.times)
  const notEmpty = <Value>(kind: RangeKind<Value>, range: Range<Value>): Range<Value> => {
    if (range.end !== undefined && kind.compare(range.start, range.end) >= 0) {
      throw cursor.error('a range is empty', start)
    }
    return Object.freeze(range)
  }
  return Object.freeze({
    // The start is never open: that was refused above.
    subspaces: notEmpty(subspaceRanges, { start: first ?? reference.subspaces.start, end: last }),
    paths: notEmpty(pathRanges, { start: from, end: to }),
    times: notEmpty(timeRanges, { start: since, end: until }),
  })
}

function readSubspaceBound(
  cursor: Cursor,
  bits: number,
  reference: SubspaceRange,
): Uint8Array | undefined {
  if (bits === bound.open) return undefined
  if (bits === bound.written) return cursor.take(ID_BYTES)
  if (bits === bound.referenceStart) return reference.start
  if (reference.end === undefined) throw cursor.error('the reference has no last subspace')
  return reference.end
}

function readPathBound(
  cursor: Cursor,
  fromStart: boolean,
  reference: PathRange,
): PathRange['start'] {
  const base = fromStart ? reference.start : reference.end
  if (base === undefined) throw cursor.error('relative to the end of open paths')
  return readPathRelative(cursor, base)
}

function readTimeBound(cursor: Cursor, bits: number, reference: TimeRange): bigint {
  const base = (bits & 8) !== 0 ? reference.start : reference.end
  if (base === undefined) throw cursor.error('relative to the end of open times')
  const difference = readCompactBody(cursor, bits & 3, 2)
  return (bits & 4) !== 0
    ? addTime(cursor, base, difference)
    : subtractTime(cursor, base, difference)
}
