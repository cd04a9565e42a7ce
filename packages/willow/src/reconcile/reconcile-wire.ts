import {
  createSink,
  read3dRangeRelative,
  readCompactU64,
  write3dRangeRelative,
  writeCompactU64,
  type Cursor,
  type Range3d,
  type Sink,
} from '@vudo/meadowcap'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import { FINGERPRINT_BYTES, MAX_RANGE_IDS, RECONCILE_ID_BYTES } from '../limits.ts'
import type { HeldEntry } from '../store/store.ts'
import {
  sizeOfEntry,
  type EntryReader,
  type EntryWriter,
  type ReceivedEntry,
} from './entry-stream.ts'

/** One statement of a reconciliation. Which range it answers follows from its place. */
export type ReconcileItem =
  /** The initiator asks about a range: of the last one it asks by itself when `isLast`. */
  | {
      readonly type: 'root'
      readonly range: Range3d
      readonly fingerprint: Uint8Array
      readonly isLast: boolean
      /** Where in the fingerprints the ids of this root begin: 0 to `MAX_ID_OFFSET`. */
      readonly idOffset: number
    }
  /** Answers a fingerprint: here it is the same. */
  | { readonly type: 'equal' }
  /** Answers a fingerprint, several of them together: each asks about a part of the range. */
  | {
      readonly type: 'part'
      readonly range: Range3d
      readonly fingerprint: Uint8Array
      readonly isLast: boolean
    }
  /** Answers a fingerprint: these are all that the sender has in the range. Asks for the others. */
  | { readonly type: 'ids'; readonly ids: readonly string[] }
  /** One of the entries that an answer consists of. */
  | { readonly type: 'entry'; readonly entry: ReceivedEntry }
  /** Ends an answer of entries; one bit for each of the ids that it answers: which of them the sender lacks, and asks for. */
  | { readonly type: 'end'; readonly bits: Uint8Array }

/** From {@link FIRST_KIND} on: below it are entries, whose first byte says how much of the payload is there. */
const kinds = { root: 3, lastRoot: 4, equal: 5, part: 6, lastPart: 7, ids: 8, end: 9 }
const FIRST_KIND = 3

/** The greatest offset of an id in a fingerprint. */
export const MAX_ID_OFFSET: number = FINGERPRINT_BYTES - RECONCILE_ID_BYTES

/** The id of an entry in a reconciliation: 8 bytes of its fingerprint, in hex. */
export function idOfHeld({ fingerprint }: HeldEntry, offset: number): string {
  return bytesToHex(fingerprint.subarray(offset, offset + RECONCILE_ID_BYTES))
}

/** Writes the items of one direction; ranges and entries are relative to those before. */
export class ItemWriter {
  readonly #entries: EntryWriter
  #range: Range3d
  #sink: Sink = createSink()
  /** What the entries written since {@link take} count as, see `sizeOfEntry`. */
  entryBytes = 0

  constructor(range: Range3d, entries: EntryWriter) {
    this.#range = range
    this.#entries = entries
  }

  /** Bytes that were written since {@link take}. */
  get length(): number {
    return this.#sink.length
  }

  /** What was written since the last call, in a new buffer. */
  take(): Uint8Array {
    const bytes = this.#sink.finish()
    this.#sink = createSink()
    this.entryBytes = 0
    return bytes
  }

  root({
    range,
    fingerprint,
    isLast,
    idOffset,
  }: Omit<ReconcileItem & { type: 'root' }, 'type'>): void {
    this.#question(isLast ? kinds.lastRoot : kinds.root, range, fingerprint)
    this.#sink.byte(idOffset)
  }

  part(range: Range3d, fingerprint: Uint8Array, isLast: boolean): void {
    this.#question(isLast ? kinds.lastPart : kinds.part, range, fingerprint)
  }

  equal(): void {
    this.#sink.byte(kinds.equal)
  }

  ids(ids: readonly string[]): void {
    this.#sink.byte(kinds.ids)
    writeCompactU64(this.#sink, BigInt(ids.length))
    for (const id of ids) this.#sink.bytes(hexToBytes(id))
  }

  entry(held: HeldEntry): void {
    this.entryBytes += sizeOfEntry(held)
    this.#entries.write(this.#sink, held)
  }

  end(bits: Uint8Array): void {
    this.#sink.byte(kinds.end)
    writeCompactU64(this.#sink, BigInt(bits.length))
    this.#sink.bytes(bits)
  }

  #question(kind: number, range: Range3d, fingerprint: Uint8Array): void {
    this.#sink.byte(kind)
    write3dRangeRelative(this.#sink, range, this.#range)
    this.#sink.bytes(fingerprint)
    this.#range = range
  }
}

/** Reads what an {@link ItemWriter} at the far end writes. */
export class ItemReader {
  readonly #entries: EntryReader
  #range: Range3d

  constructor(range: Range3d, entries: EntryReader) {
    this.#range = range
    this.#entries = entries
  }

  /** The next item. @throws `MeadowcapError` as every reader. */
  read(cursor: Cursor): ReconcileItem {
    const start = cursor.offset
    const first = cursor.bytes[start] ?? FIRST_KIND
    if (first < FIRST_KIND) return { type: 'entry', entry: this.#entries.read(cursor) }
    const kind = cursor.byte()
    if (kind === kinds.root || kind === kinds.lastRoot) {
      const question = this.#question(cursor)
      const isLast = kind === kinds.lastRoot
      return { type: 'root', ...question, isLast, idOffset: readOffset(cursor) }
    }
    if (kind === kinds.equal) return { type: 'equal' }
    if (kind === kinds.part || kind === kinds.lastPart) {
      return { type: 'part', ...this.#question(cursor), isLast: kind === kinds.lastPart }
    }
    if (kind === kinds.ids) return { type: 'ids', ids: readIds(cursor) }
    if (kind === kinds.end)
      return { type: 'end', bits: cursor.take(readCount(cursor, MAX_RANGE_IDS / 8)) }
    throw cursor.error(`no item is of kind ${kind}`, start)
  }

  #question(cursor: Cursor): { readonly range: Range3d; readonly fingerprint: Uint8Array } {
    this.#range = read3dRangeRelative(cursor, this.#range)
    return { range: this.#range, fingerprint: cursor.take(FINGERPRINT_BYTES) }
  }
}

function readOffset(cursor: Cursor): number {
  const start = cursor.offset
  const offset = cursor.byte()
  if (offset > MAX_ID_OFFSET) throw cursor.error(`no id begins at ${offset}`, start)
  return offset
}

function readIds(cursor: Cursor): string[] {
  const count = readCount(cursor, MAX_RANGE_IDS)
  cursor.require(count * RECONCILE_ID_BYTES)
  return Array.from({ length: count }, () => bytesToHex(cursor.view(RECONCILE_ID_BYTES)))
}

function readCount(cursor: Cursor, max: number): number {
  const start = cursor.offset
  const count = readCompactU64(cursor)
  if (count > BigInt(max))
    throw cursor.error(`${count} of something, at most ${max} are allowed`, start)
  return Number(count)
}
