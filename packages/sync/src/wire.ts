import { bytesToHex, createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import type { ByteReader, ByteWriter } from '@vudo/wire'
import {
  readCertificate,
  readDocumentId,
  writeCertificate,
  type NodeCertificate,
} from './authorship.ts'
import { deflateWith, inflateExactly } from './deflate.ts'
import {
  readBroadcast,
  readEdits,
  readProgress,
  writeBroadcast,
  writeEdits,
  writeProgress,
} from './edits-wire.ts'
import type { RangeFingerprint } from './fingerprints.ts'
import {
  DIGEST_BYTES,
  MAX_BATCH_OVERHEAD_BYTES,
  MAX_CERTIFICATES,
  MAX_DOCUMENTS_BYTES,
  MAX_DOCUMENT_BYTES,
  MAX_HAVE_HASHES,
  MAX_HEADS,
  MAX_PAGE_ENTRIES,
  MAX_RANGES,
  MAX_RECORD_BYTES,
  MAX_SYNC_MESSAGE_BYTES,
} from './limits.ts'
import { readRanges, writeRanges } from './range-wire.ts'
import { readHashes, readPlaces, refuse, toBits, writeHashes } from './wire-fields.ts'

/*
 * The messages of `/vudo/sync/1`, byte by byte in docs/wire-formats/sync.md. Ids,
 * hashes and heads are hex inside and raw bytes outside.
 */

/** The version that the hello names. */
export const SYNC_VERSION = 1

/** Where somebody stands in another store: its life, and the last of its arrivals that is stored here. */
export interface StorePosition {
  /** 16 bytes as hex. */
  readonly run: string
  readonly arrival: number
}

/** A position that stands for nothing: everything is to be announced. */
export const nowhere: StorePosition = { run: '00'.repeat(16), arrival: 0 }

/** Why a document was not taken, or not given. */
export type RefusalReason = 'absent' | 'not-allowed' | 'unproven' | 'damaged' | 'too-large'

const refusalReasons: readonly RefusalReason[] = [
  'absent',
  'not-allowed',
  'unproven',
  'damaged',
  'too-large',
]

/** One announced thing. */
export type PageEntry =
  | {
      readonly type: 'record'
      /** Without its signature. */
      readonly bytes: Uint8Array
    }
  | { readonly type: 'document'; readonly id: string; readonly heads: readonly string[] }

/** What two stores say to each other. */
export type SyncMessage =
  | {
      readonly type: 'hello'
      /** This life of the sender's store. */
      readonly run: string
      /** Where the sender stands in the receiver's store. */
      readonly position: StorePosition
      readonly certificates: readonly NodeCertificate[]
      /** What the sender understands beyond version 1, as a sum of {@link features}; 0 when left out. */
      readonly features?: number | undefined
    }
  | {
      readonly type: 'page'
      readonly number: number
      /** All arrivals of the sender up to this one have been announced. */
      readonly upTo: number
      /** Nothing more is waiting to be announced. */
      readonly isLast: boolean
      readonly entries: readonly PageEntry[]
      /** Of the records, in their order: see {@link writeJointSignatures}. */
      readonly signatures: Uint8Array
    }
  | { readonly type: 'page-stored'; readonly number: number }
  | {
      readonly type: 'want'
      readonly id: string
      readonly heads: readonly string[]
      /** Some older changes that the sender has, to find common ground. */
      readonly have: readonly string[]
    }
  | {
      readonly type: 'part'
      readonly id: string
      readonly totalBytes: number
      readonly offset: number
      readonly bytes: Uint8Array
    }
  | { readonly type: 'received'; readonly id: string; readonly heads: readonly string[] }
  | { readonly type: 'stored'; readonly id: string; readonly heads: readonly string[] }
  | { readonly type: 'refused'; readonly id: string; readonly reason: RefusalReason }
  /** The sender asks that everything be announced again. */
  | { readonly type: 'compare' }
  /** Asks for documents of a page, all of each, by their places among the page's entries. */
  | { readonly type: 'take'; readonly number: number; readonly places: readonly number[] }
  /** Saved documents of a page, many in one message. */
  | {
      readonly type: 'documents'
      /** Of the page. */
      readonly number: number
      /** Bytes of what `deflated` holds. */
      readonly inflatedBytes: number
      /** Deflated (RFC 1951) with the heads of the page's documents as dictionary. */
      readonly deflated: Uint8Array
    }
  /** As `page-stored`, and tells which of its documents are stored here as announced. */
  | { readonly type: 'kept'; readonly number: number; readonly places: readonly number[] }
  /** Fingerprints of all that the sender holds, by ranges of paths. */
  | { readonly type: 'ranges'; readonly ranges: readonly RangeFingerprint[] }
  /** Answers `ranges`: the numbers of those that the sender holds otherwise. */
  | {
      readonly type: 'differing'
      readonly records: readonly number[]
      readonly documents: readonly number[]
    }
  /** Of everything that the sender holds: answered only when the receiver holds something else. */
  | {
      readonly type: 'digest'
      /** 16 bytes as hex. */
      readonly digest: string
    }
  /** Live edits of one document, numbered on each channel from 1. */
  | {
      readonly type: 'edits'
      readonly id: string
      /** The sender waits for the answer with its next ones. */
      readonly isUrgent: boolean
      /** See {@link encodeEdits}. */
      readonly bytes: Uint8Array
    }
  /** Up to which message of edits the receiver's are received and stored here, and the sender's own are stored. */
  | {
      readonly type: 'progress'
      readonly received: number
      readonly stored: number
      readonly saved: number
    }
  /** The sender waits for the next `progress`. */
  | { readonly type: 'hurry' }
  /** Something for those who have the document open now; not stored. */
  | {
      readonly type: 'broadcast'
      readonly id: string
      /** Counts up in each run of the sender, from 1. */
      readonly number: number
      readonly content: Uint8Array
    }
  /** Of a newer minor version; to be ignored. */
  | { readonly type: 'unknown' }

const kinds = {
  hello: 1,
  page: 2,
  pageStored: 3,
  want: 4,
  part: 5,
  received: 6,
  stored: 7,
  refused: 8,
  compare: 9,
  take: 10,
  documents: 11,
  kept: 12,
  deflated: 13,
  ranges: 14,
  differing: 15,
  edits: 16,
  progress: 17,
  hurry: 18,
  digest: 19,
  broadcast: 64,
} as const

/** What a hello may tell that its sender understands; each is one bit. */
export const features = {
  /** `take`, `documents`, `kept` and deflated pages. */
  documents: 1,
  /** Bundles (`saveBundle`) as payload of a batch. */
  bundles: 2,
  /** `ranges` and `differing`; told by those who hold enough for it. */
  ranges: 4,
} as const

/** Smaller pages gain nothing. */
const MIN_DEFLATED_PAGE_BYTES = 512

/** Kinds from here on may be added within a version; they are ignored. */
const firstOptionalKind = 64

const RUN_BYTES = 16
const MAX_BATCH_BYTES = MAX_DOCUMENT_BYTES + MAX_BATCH_OVERHEAD_BYTES

/** Writes a message; it has at most `MAX_SYNC_MESSAGE_BYTES` when its lists keep their limits. */
export function encodeMessage(message: SyncMessage): Uint8Array {
  const writer = createByteWriter()
  switch (message.type) {
    case 'hello':
      writeHello(writer, message)
      break
    case 'page':
      writePage(writer, message)
      break
    case 'page-stored':
      writer.u8(kinds.pageStored).varint(message.number)
      break
    case 'want':
      writeWant(writer.u8(kinds.want), message)
      break
    case 'part':
      writePart(writer.u8(kinds.part), message)
      break
    case 'received':
    case 'stored':
      writer.u8(kinds[message.type]).bytes(hexToBytes(message.id))
      writeHashes(writer, message.heads)
      break
    case 'refused':
      writeRefused(writer.u8(kinds.refused), message)
      break
    case 'compare':
    case 'hurry':
      writer.u8(kinds[message.type])
      break
    case 'take':
    case 'kept':
      writer.u8(kinds[message.type]).varint(message.number).prefixed(toBits(message.places))
      break
    case 'documents':
      writeDocuments(writer.u8(kinds.documents), message)
      break
    case 'edits':
      writeEdits(writer.u8(kinds.edits), message)
      break
    case 'progress':
      writeProgress(writer.u8(kinds.progress), message)
      break
    case 'ranges':
      writeRanges(writer.u8(kinds.ranges), message.ranges)
      break
    case 'digest':
      writer.u8(kinds.digest).bytes(hexToBytes(message.digest))
      break
    case 'differing':
      writeDiffering(writer.u8(kinds.differing), message)
      break
    case 'broadcast':
      writeBroadcast(writer.u8(kinds.broadcast), message)
      break
    case 'unknown':
      throw new TypeError('an unknown message cannot be written')
  }
  return writer.finish()
}

function writeWant(writer: ByteWriter, { id, heads, have }: SyncMessage & { type: 'want' }): void {
  writeHashes(writer.bytes(hexToBytes(id)), heads)
  writeHashes(writer, have)
}

function writePart(writer: ByteWriter, part: SyncMessage & { type: 'part' }): void {
  const { id, totalBytes, offset, bytes } = part
  writer.bytes(hexToBytes(id)).varint(totalBytes).varint(offset).bytes(bytes)
}

function writeRefused(writer: ByteWriter, { id, reason }: SyncMessage & { type: 'refused' }): void {
  writer.bytes(hexToBytes(id)).u8(refusalReasons.indexOf(reason))
}

function writeDocuments(writer: ByteWriter, message: SyncMessage & { type: 'documents' }): void {
  writer.varint(message.number).varint(message.inflatedBytes).bytes(message.deflated)
}

function writeDiffering(
  writer: ByteWriter,
  { records, documents }: SyncMessage & { type: 'differing' },
): void {
  writer.prefixed(toBits(records)).prefixed(toBits(documents))
}

/** Reads a message. @throws `WireError` `ERR_DECODE`, whatever the bytes are. */
export function decodeMessage(bytes: Uint8Array): SyncMessage {
  // An empty view reads as a message that ends too early, which is what it is.
  const reader = createByteReader(bytes.length > MAX_SYNC_MESSAGE_BYTES ? new Uint8Array() : bytes)
  const kind = reader.u8()
  if (kind >= firstOptionalKind && kind !== kinds.broadcast) return { type: 'unknown' }
  const message = decodeKind(kind, reader)
  // A later version may append to the hello only.
  if (message.type !== 'hello') reader.end()
  return message
}

function decodeKind(kind: number, reader: ByteReader): SyncMessage {
  switch (kind) {
    case kinds.hello:
      return readHello(reader)
    case kinds.page:
      return readPage(reader)
    case kinds.pageStored:
      return { type: 'page-stored', number: reader.varint() }
    case kinds.want: {
      const id = readDocumentId(reader)
      const heads = readHashes(reader, MAX_HEADS)
      return { type: 'want', id, heads, have: readHashes(reader, MAX_HAVE_HASHES) }
    }
    case kinds.part:
      return readPart(reader)
    case kinds.received:
      return { type: 'received', id: readDocumentId(reader), heads: readHashes(reader, MAX_HEADS) }
    case kinds.stored:
      return { type: 'stored', id: readDocumentId(reader), heads: readHashes(reader, MAX_HEADS) }
    case kinds.refused: {
      const id = readDocumentId(reader)
      return { type: 'refused', id, reason: refusalReasons[reader.u8()] ?? 'damaged' }
    }
    case kinds.compare:
      return { type: 'compare' }
    case kinds.take:
      return { type: 'take', number: reader.varint(), places: readPlaces(reader) }
    case kinds.kept:
      return { type: 'kept', number: reader.varint(), places: readPlaces(reader) }
    case kinds.documents: {
      const [number, inflatedBytes] = [reader.varint(), reader.varint(MAX_DOCUMENTS_BYTES)]
      return { type: 'documents', number, inflatedBytes, deflated: reader.rest() }
    }
    case kinds.ranges:
      return { type: 'ranges', ranges: readRanges(reader) ?? refuse(reader) }
    case kinds.differing: {
      const records = readPlaces(reader, MAX_RANGES)
      return { type: 'differing', records, documents: readPlaces(reader, MAX_RANGES) }
    }
    case kinds.digest:
      return { type: 'digest', digest: bytesToHex(reader.bytes(DIGEST_BYTES)) }
    case kinds.deflated:
      return readDeflated(reader)
    case kinds.edits:
      return readEdits(reader)
    case kinds.progress:
      return readProgress(reader)
    case kinds.hurry:
      return { type: 'hurry' }
    case kinds.broadcast:
      return readBroadcast(reader) ?? refuse(reader)
    default:
      return refuse(reader)
  }
}

/** A page of its own, deflated: the only message that gains by it as a whole. */
function readDeflated(reader: ByteReader): SyncMessage {
  const inflatedBytes = reader.varint(MAX_SYNC_MESSAGE_BYTES)
  const inflated = inflateExactly(reader.rest(), inflatedBytes)
  if (inflated?.[0] !== kinds.page) return refuse(reader)
  const inner = createByteReader(inflated)
  inner.u8()
  const page = readPage(inner)
  inner.end()
  return page
}

/** Writes a page for a peer that understands deflated ones. */
export function encodeDeflatedPage(page: SyncMessage & { type: 'page' }): Uint8Array {
  const bytes = encodeMessage(page)
  if (bytes.length < MIN_DEFLATED_PAGE_BYTES) return bytes
  const writer = createByteWriter().u8(kinds.deflated).varint(bytes.length)
  return writer.bytes(deflateWith(bytes)).finish()
}

function writeHello(writer: ByteWriter, hello: SyncMessage & { type: 'hello' }): void {
  writer.u8(kinds.hello).u8(SYNC_VERSION).bytes(hexToBytes(hello.run))
  writer.bytes(hexToBytes(hello.position.run)).varint(hello.position.arrival)
  writer.varint(hello.certificates.length)
  for (const certificate of hello.certificates) writeCertificate(writer, certificate)
  if (hello.features !== undefined) writer.varint(hello.features)
}

function readHello(reader: ByteReader): SyncMessage {
  if (reader.u8() !== SYNC_VERSION) return refuse(reader)
  const run = bytesToHex(reader.bytes(RUN_BYTES))
  const position = { run: bytesToHex(reader.bytes(RUN_BYTES)), arrival: reader.varint() }
  const count = reader.varint(MAX_CERTIFICATES)
  const certificates = Array.from({ length: count }, () => readCertificate(reader))
  const hello = { type: 'hello', run, position, certificates } as const
  return reader.remaining === 0 ? hello : { ...hello, features: reader.varint() }
}

function writePage(writer: ByteWriter, page: SyncMessage & { type: 'page' }): void {
  writer.u8(kinds.page).varint(page.number).varint(page.upTo)
  writer.u8(page.isLast ? 1 : 0).varint(page.entries.length)
  for (const entry of page.entries) writer.prefixed(encodeEntry(entry))
  writer.bytes(page.signatures)
}

function encodeEntry(entry: PageEntry): Uint8Array {
  if (entry.type === 'record') return createByteWriter().u8(1).bytes(entry.bytes).finish()
  const writer = createByteWriter().u8(2).bytes(hexToBytes(entry.id))
  writeHashes(writer, entry.heads)
  return writer.finish()
}

function readPage(reader: ByteReader): SyncMessage {
  const number = reader.varint()
  const upTo = reader.varint()
  const isLast = reader.u8() === 1
  const count = reader.varint(MAX_PAGE_ENTRIES)
  const entries: PageEntry[] = []
  for (let index = 0; index < count; index++) {
    const entry = readEntry(createByteReader(reader.prefixed(MAX_SYNC_MESSAGE_BYTES)))
    if (entry) entries.push(entry)
  }
  return { type: 'page', number, upTo, isLast, entries, signatures: reader.rest() }
}

/** `undefined` for a kind of a newer minor version: skipped by its length. */
function readEntry(reader: ByteReader): PageEntry | undefined {
  const kind = reader.u8()
  if (kind === 1) {
    if (reader.remaining > MAX_RECORD_BYTES) return refuse(reader)
    return { type: 'record', bytes: reader.rest() }
  }
  if (kind !== 2) return undefined
  const entry: PageEntry = {
    type: 'document',
    id: readDocumentId(reader),
    heads: readHashes(reader, MAX_HEADS),
  }
  reader.end()
  return entry
}

function readPart(reader: ByteReader): SyncMessage {
  const id = readDocumentId(reader)
  const totalBytes = reader.varint(MAX_BATCH_BYTES)
  const offset = reader.varint(MAX_BATCH_BYTES)
  const bytes = reader.rest()
  if (bytes.length === 0 || offset + bytes.length > totalBytes) return refuse(reader)
  return { type: 'part', id, totalBytes, offset, bytes }
}
