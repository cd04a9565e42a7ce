import {
  compactTag,
  createEntry,
  defaultEntry,
  defaultToken,
  DIGEST_BYTES,
  ID_BYTES,
  readCompactBody,
  readCompactU64,
  readPathRelative,
  readTokenRelative,
  writeCompactBody,
  writeCompactU64,
  writePathRelative,
  writeTokenRelative,
  type AuthorisedEntry,
  type Cursor,
  type Sink,
} from '@vudo/meadowcap'
import { bytesEqual } from '@vudo/wire'

/** Whether a record of a drop has the bytes of its payload (Willow "Drop format": modes 00 and 01). */
export type DropPayload = 'none' | 'whole'

/** A record without the bytes of its payload, which follow it. */
export interface DropRecord extends AuthorisedEntry {
  readonly payload: DropPayload
}

/** Ends a drop. */
export const DROP_END = 0

/** What the first record of a drop is relative to. */
export const firstPrior: AuthorisedEntry = Object.freeze({
  entry: defaultEntry,
  token: defaultToken,
})

/** The bits of a header: a record, and which ids are written out. */
const bits = { record: 0x40, otherNamespace: 0x20, otherSubspace: 0x10 }
const modes = { none: 0, whole: 1 }

/** Writes a record up to its payload, relative to the one before. */
export function writeDropRecord(sink: Sink, record: DropRecord, prior: AuthorisedEntry): void {
  const { entry, token, payload } = record
  const otherNamespace = !bytesEqual(entry.namespaceId, prior.entry.namespaceId)
  const otherSubspace = !bytesEqual(entry.subspaceId, prior.entry.subspaceId)
  sink.byte(
    bits.record |
      (otherNamespace ? bits.otherNamespace : 0) |
      (otherSubspace ? bits.otherSubspace : 0) |
      (compactTag(entry.timestamp, 2) << 2) |
      modes[payload],
  )
  if (otherNamespace) sink.bytes(entry.namespaceId)
  if (otherSubspace) sink.bytes(entry.subspaceId)
  writePathRelative(sink, entry.path, prior.entry.path)
  writeCompactBody(sink, entry.timestamp, 2)
  writeCompactU64(sink, entry.payloadLength)
  sink.bytes(entry.payloadDigest)
  writeTokenRelative(sink, token, { entry, prior: prior.token })
}

/**
 * Reads a record up to its payload; `undefined` at the end of the drop. Nothing is verified.
 *
 * @throws `MeadowcapError` as every reader; slices of payloads (modes 10 and 11) are refused.
 */
export function readDropRecord(cursor: Cursor, prior: AuthorisedEntry): DropRecord | undefined {
  const start = cursor.offset
  const header = cursor.byte()
  if (header === DROP_END) return undefined
  if (header >> 6 !== 1) throw cursor.error('neither a record nor the end of a drop', start)
  const mode = header & 3
  if (mode > modes.whole)
    throw cursor.error(`slices of payloads (mode ${mode}) are not read`, start)
  const { entry: before } = prior
  const namespaceId = readId(cursor, (header & bits.otherNamespace) !== 0, before.namespaceId)
  const subspaceId = readId(cursor, (header & bits.otherSubspace) !== 0, before.subspaceId)
  const path = readPathRelative(cursor, prior.entry.path)
  const timestamp = readCompactBody(cursor, (header >> 2) & 3, 2)
  const payloadLength = readCompactU64(cursor)
  const payloadDigest = cursor.take(DIGEST_BYTES)
  const fields = { namespaceId, subspaceId, path, timestamp, payloadLength, payloadDigest }
  const entry = createEntry(fields)
  const token = readTokenRelative(cursor, { entry, prior: prior.token })
  return { entry, token, payload: mode === modes.whole ? 'whole' : 'none' }
}

function readId(cursor: Cursor, isOther: boolean, prior: Uint8Array): Uint8Array {
  if (!isOther) return prior
  const start = cursor.offset
  const id = cursor.take(ID_BYTES)
  // One record would have several codes.
  if (bytesEqual(id, prior)) throw cursor.error('an id that is said to differ and does not', start)
  return id
}
