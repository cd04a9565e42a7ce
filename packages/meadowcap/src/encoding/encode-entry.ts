import { bytesEqual } from '@vudo/wire'
import { createEntry, type Entry } from '../data/entry.ts'
import { DIGEST_BYTES, ID_BYTES } from '../limits.ts'
import {
  compactTag,
  readCompactBody,
  readCompactU64,
  writeCompactBody,
  writeCompactU64,
} from './compact-u64.ts'
import { readCanonical, type Cursor } from './cursor.ts'
import { readPath, readPathRelative, writePath, writePathRelative } from './encode-path.ts'
import { encodeWith, type Sink } from './sink.ts'
import { addTime, subtractTime } from './time-difference.ts'

/** Writes `encode_entry`, which is also the code of `EncodeEntry` that we choose. */
export function writeEntry(sink: Sink, entry: Entry): void {
  sink.bytes(entry.namespaceId)
  sink.bytes(entry.subspaceId)
  writePath(sink, entry.path)
  writeCompactU64(sink, entry.timestamp)
  writeCompactU64(sink, entry.payloadLength)
  sink.bytes(entry.payloadDigest)
}

/** The bytes of `encode_entry`: what a write is signed over, and what fingerprints hash. */
export function encodeEntry(entry: Entry): Uint8Array {
  return encodeWith((sink) => writeEntry(sink, entry))
}

/** Reads `EncodeEntry`. Throws as every reader. */
export function readEntry(cursor: Cursor): Entry {
  return createEntry({
    namespaceId: cursor.take(ID_BYTES),
    subspaceId: cursor.take(ID_BYTES),
    path: readPath(cursor),
    timestamp: readCompactU64(cursor),
    payloadLength: readCompactU64(cursor),
    payloadDigest: cursor.take(DIGEST_BYTES),
  })
}

/** Reads `encode_entry`: as {@link readEntry}, and only the canonical code. */
export function readCanonicalEntry(cursor: Cursor): Entry {
  return readCanonical(cursor, { read: readEntry, write: writeEntry })
}

/** Writes `EncodeEntryRelativeEntry`: how `entry` differs from `reference`. */
export function writeEntryRelative(sink: Sink, entry: Entry, reference: Entry): void {
  const otherNamespace = !bytesEqual(entry.namespaceId, reference.namespaceId)
  const otherSubspace = !bytesEqual(entry.subspaceId, reference.subspaceId)
  const isLater = entry.timestamp > reference.timestamp
  const difference = isLater
    ? entry.timestamp - reference.timestamp
    : reference.timestamp - entry.timestamp
  sink.byte(
    (otherNamespace ? 0x80 : 0) |
      (otherSubspace ? 0x40 : 0) |
      (isLater ? 0x20 : 0) |
      (compactTag(difference, 2) << 3) |
      compactTag(entry.payloadLength, 3),
  )
  if (otherNamespace) sink.bytes(entry.namespaceId)
  if (otherSubspace) sink.bytes(entry.subspaceId)
  writeCompactBody(sink, difference, 2)
  writeCompactBody(sink, entry.payloadLength, 3)
  writePathRelative(sink, entry.path, reference.path)
  sink.bytes(entry.payloadDigest)
}

/** Reads `EncodeEntryRelativeEntry`. Throws as every reader. */
export function readEntryRelative(cursor: Cursor, reference: Entry): Entry {
  const header = cursor.byte()
  const namespaceId = readOtherId(cursor, (header & 0x80) !== 0, reference.namespaceId)
  const subspaceId = readOtherId(cursor, (header & 0x40) !== 0, reference.subspaceId)
  const difference = readCompactBody(cursor, (header >> 3) & 3, 2)
  const isLater = (header & 0x20) !== 0
  if (isLater && difference === 0n) throw cursor.error('a later entry has the same timestamp')
  const payloadLength = readCompactBody(cursor, header & 7, 3)
  const path = readPathRelative(cursor, reference.path)
  return createEntry({
    namespaceId,
    subspaceId,
    path,
    timestamp: isLater
      ? addTime(cursor, reference.timestamp, difference)
      : subtractTime(cursor, reference.timestamp, difference),
    payloadLength,
    payloadDigest: cursor.take(DIGEST_BYTES),
  })
}

/** The id of the reference, or the one that follows, which has to be another. */
export function readOtherId(cursor: Cursor, isOther: boolean, reference: Uint8Array): Uint8Array {
  if (!isOther) return reference
  const start = cursor.offset
  const id = cursor.take(ID_BYTES)
  if (bytesEqual(id, reference)) throw cursor.error('an id is written out and the same', start)
  return id
}
