import { bytesEqual } from '@vudo/wire'
import { createEntry, type Entry } from '../data/entry.ts'
import { commonPrefixLength, type Path } from '../data/path.ts'
import { range3dIncludesEntry, type Range3d } from '../data/range-3d.ts'
import type { PathRange } from '../data/range.ts'
import { DIGEST_BYTES } from '../limits.ts'
import { compactTag, readCompactBody, writeCompactBody } from './compact-u64.ts'
import type { Cursor } from './cursor.ts'
import { readOtherId } from './encode-entry.ts'
import { readPathRelative, writePathRelative } from './encode-path.ts'
import type { Sink } from './sink.ts'
import { addTime, nearerBound, subtractTime } from './time-difference.ts'

/** What both ends know about an entry before it is sent: its namespace and a range that includes it. */
export interface NamespaceRange {
  /** 32 bytes. */
  readonly namespaceId: Uint8Array
  readonly range: Range3d
}

/**
 * Writes `EncodeEntryInNamespace3dRange`.
 *
 * @throws `RangeError` when the entry is not in that namespace and range.
 */
export function writeEntryInRange(sink: Sink, entry: Entry, reference: NamespaceRange): void {
  const { range, namespaceId } = reference
  if (!bytesEqual(namespaceId, entry.namespaceId) || !range3dIncludesEntry(range, entry)) {
    throw new RangeError('the entry is not in the range')
  }
  const otherSubspace = !bytesEqual(entry.subspaceId, range.subspaces.start)
  const path = nearerPath(entry.path, range.paths)
  const time = nearerBound(entry.timestamp, range.times, true)
  sink.byte(
    (otherSubspace ? 0x80 : 0) |
      (path.fromStart ? 0x40 : 0) |
      (time.fromStart ? 0x20 : 0) |
      (compactTag(time.difference, 2) << 3) |
      compactTag(entry.payloadLength, 3),
  )
  if (otherSubspace) sink.bytes(entry.subspaceId)
  writePathRelative(sink, entry.path, path.reference)
  writeCompactBody(sink, time.difference, 2)
  writeCompactBody(sink, entry.payloadLength, 3)
  sink.bytes(entry.payloadDigest)
}

/** Reads `EncodeEntryInNamespace3dRange`. Throws as every reader, also when the range does not include the entry. */
export function readEntryInRange(cursor: Cursor, reference: NamespaceRange): Entry {
  const { range, namespaceId } = reference
  const start = cursor.offset
  const header = cursor.byte()
  const { times, paths } = range
  const pathReference = (header & 0x40) !== 0 ? paths.start : paths.end
  const fromStart = (header & 0x20) !== 0
  if (pathReference === undefined || (!fromStart && times.end === undefined)) {
    throw cursor.error('relative to the end of an open range', start)
  }
  const subspaceId = readOtherId(cursor, (header & 0x80) !== 0, range.subspaces.start)
  const path = readPathRelative(cursor, pathReference)
  const difference = readCompactBody(cursor, (header >> 3) & 3, 2)
  const payloadLength = readCompactBody(cursor, header & 7, 3)
  const timestamp = fromStart
    ? addTime(cursor, times.start, difference)
    : subtractTime(cursor, times.end ?? 0n, difference)
  const payloadDigest = cursor.take(DIGEST_BYTES)
  const entry = createEntry({
    namespaceId,
    subspaceId,
    path,
    timestamp,
    payloadLength,
    payloadDigest,
  })
  if (!range3dIncludesEntry(range, entry))
    throw cursor.error('the entry is not in the range', start)
  return entry
}

/** The bound of `range` that shares more components with `path`, the start when both share as many. */
export function nearerPath(
  path: Path,
  range: PathRange,
): { readonly fromStart: boolean; readonly reference: Path } {
  const { start, end } = range
  if (end === undefined) return { fromStart: true, reference: start }
  const fromStart = commonPrefixLength(path, start) >= commonPrefixLength(path, end)
  return { fromStart, reference: fromStart ? start : end }
}
