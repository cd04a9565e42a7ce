import type { AuthorKey } from '@vudo/identity'
import {
  bytesToHex,
  createByteReader,
  createByteWriter,
  hexToBytes,
  type ByteReader,
} from '@vudo/wire'
import { DOCUMENT_ID_BYTES } from './document-id.ts'
import { SyncError } from './errors.ts'
import { MAX_COVERED_HEADS, MAX_PATH_BYTES, MAX_SHARED_AUTHORS } from './limits.ts'
import { parsePath } from './paths.ts'
import {
  isTreeSigned,
  leafOf,
  readTreeSignature,
  rootAbove,
  signLeaf,
  writeTreeSignature,
  type SignedStatement,
  type TreeSignature,
} from './tree-signature.ts'
import { readHashes, writeHashes } from './wire-fields.ts'

/** The tag of what authors say of paths. */
export const RECORD_TAG = 'vudo/catalogue-record/1'

const HASH_BYTES = 32
const KEY_BYTES = 32

/** What an author says about a path. */
export interface RecordContent {
  readonly path: string
  /** 32 characters of hex. */
  readonly documentId: string
  /** 0 for the first record of a path, then its predecessor's plus one. */
  readonly generation: number
  readonly state: 'live' | 'deleted'
  /** Hash of the record before it; `undefined` for generation 0. */
  readonly predecessor: string | undefined
  /**
   * Heads up to which the record speaks of a document, sorted, at most 32: what a deletion deletes.
   * In a live record: what of its predecessor's document went into this one, its successor.
   */
  readonly covered?: readonly string[] | undefined
}

/** A signed line of the catalogue. */
export interface CatalogueRecord extends RecordContent {
  /** Of the content without author and signature: two devices that say the same make one record. What is signed. Hex. */
  readonly hash: string
  /** The signer's public key as hex. */
  readonly author: string
  readonly signature: TreeSignature
}

/** Makes and signs a record. */
export function signRecord(
  database: string,
  content: RecordContent,
  author: AuthorKey,
): CatalogueRecord {
  const leaf = leafOfContent(database, encodeContent(content))
  const signature = signLeaf(author, leaf)
  return { ...content, hash: bytesToHex(leaf), author: author.authorId, signature }
}

/** The bytes of a record with its signature: as it is stored. */
export function encodeRecord(record: CatalogueRecord): Uint8Array {
  const writer = createByteWriter(roomFor(record)).bytes(encodeUnsignedRecord(record))
  writeTreeSignature(writer, record.signature)
  return writer.finish()
}

/** The bytes of a record whose signature is written elsewhere. */
export function encodeUnsignedRecord(record: CatalogueRecord): Uint8Array {
  return createByteWriter(roomFor(record))
    .bytes(encodeContent(record))
    .bytes(hexToBytes(record.author))
    .finish()
}

/** What the author of a record signs, out of the record's bytes without signature, which may be anything. */
export function leafOfRecord(database: string, bytes: Uint8Array): Uint8Array {
  return leafOfContent(database, bytes.subarray(0, Math.max(0, bytes.length - KEY_BYTES)))
}

/**
 * Reads a record with its signature, and checks it.
 *
 * @throws `SyncError` `ERR_AUTHORSHIP_INVALID`, `ERR_SYNC_PROTOCOL` or `ERR_PATH_INVALID`; `WireError` for bytes that are no record.
 */
export function decodeCatalogueRecord(database: string, bytes: Uint8Array): CatalogueRecord {
  const record = decodeTrustedRecord(database, bytes)
  return checkRecord(record, rootAbove(hexToBytes(record.hash), record.signature))
}

/**
 * Checks the signature of a record that was only read.
 *
 * @param root - Of the tree in which its hash is a leaf; `undefined` when there is none.
 * @throws `SyncError` `ERR_AUTHORSHIP_INVALID`.
 */
export function checkRecord(
  record: CatalogueRecord,
  root: Uint8Array | undefined,
): CatalogueRecord {
  if (root && isTreeSigned(record.author, root, record.signature)) return record
  throw new SyncError(
    'ERR_AUTHORSHIP_INVALID',
    `the record of ${JSON.stringify(record.path)} is not signed by the author it names`,
  )
}

/** Reads a record, without a look at its signature. @throws as {@link decodeCatalogueRecord}, but for authorship. */
export function decodeTrustedRecord(database: string, bytes: Uint8Array): CatalogueRecord {
  const reader = createByteReader(bytes)
  const content = readContent(reader)
  // What was read has one encoding: the hash is that of these bytes.
  const leaf = leafOfContent(database, bytes.subarray(0, bytes.length - reader.remaining))
  return { ...content, hash: bytesToHex(leaf), ...readSigned(reader) }
}

/** Reads a record of our own store, whose signature was checked when it came in. Its hash is its key there. */
export function decodeOwnRecord(hash: string, bytes: Uint8Array): CatalogueRecord {
  const reader = createByteReader(bytes)
  return { ...readContent(reader), hash, ...readSigned(reader) }
}

function readSigned(reader: ByteReader): Pick<CatalogueRecord, 'author' | 'signature'> {
  const author = readAuthor(reader)
  const signature = readTreeSignature(reader)
  reader.end()
  return { author, signature }
}

/** Reads what {@link encodeUnsignedRecord} writes, of which the signature has come by itself. @throws as {@link decodeCatalogueRecord}. */
export function decodeUnsignedRecord(
  bytes: Uint8Array,
  { leaf, signature }: SignedStatement,
): CatalogueRecord {
  const reader = createByteReader(bytes)
  const content = readContent(reader)
  const author = readAuthor(reader)
  reader.end()
  return { ...content, hash: bytesToHex(leaf), author, signature }
}

/** Most records of a database are of a few authors: one text for each. */
const authors = new Map<string, string>()

function readAuthor(reader: ByteReader): string {
  const author = bytesToHex(reader.bytes(KEY_BYTES))
  const known = authors.get(author)
  if (known !== undefined) return known
  if (authors.size >= MAX_SHARED_AUTHORS) authors.clear()
  authors.set(author, author)
  return author
}

function readContent(reader: ByteReader): RecordContent {
  const path = reader.text(MAX_PATH_BYTES)
  if (parsePath(path) !== path) throw malformed('path is not in normal form')
  const documentId = bytesToHex(reader.bytes(DOCUMENT_ID_BYTES))
  const generation = reader.varint()
  const kind = reader.u8()
  const state = readState(kind)
  const predecessor = generation === 0 ? undefined : bytesToHex(reader.bytes(HASH_BYTES))
  if (kind === kinds.successor && generation === 0) throw malformed('a successor of nothing')
  const covered = kind === kinds.live ? undefined : readCovered(reader)
  return { path, documentId, generation, state, predecessor, covered }
}

const kinds = { live: 0, deleted: 1, successor: 2 } as const

function readState(kind: number): 'live' | 'deleted' {
  if (kind > kinds.successor) throw malformed(`state is ${kind}, expected 0, 1 or 2`)
  return kind === kinds.deleted ? 'deleted' : 'live'
}

function kindOf({ state, covered }: RecordContent): number {
  if (state === 'deleted') return kinds.deleted
  return covered ? kinds.successor : kinds.live
}

/** One encoding for each set. */
function readCovered(reader: ByteReader): string[] {
  const covered = readHashes(reader, MAX_COVERED_HEADS)
  if (covered.every((head, at) => at === 0 || (covered[at - 1] ?? '') < head)) return covered
  throw malformed('its heads are not in order')
}

/** Bytes that most records have at most, all in all: a writer that grows leaves its former rooms behind. */
function roomFor({ path }: Pick<RecordContent, 'path'>): number {
  return 256 + path.length
}

function encodeContent(content: RecordContent): Uint8Array {
  const writer = createByteWriter(roomFor(content))
    .text(content.path)
    .bytes(hexToBytes(content.documentId))
    .varint(content.generation)
    .u8(kindOf(content))
  if (content.predecessor !== undefined) writer.bytes(hexToBytes(content.predecessor))
  if (kindOf(content) !== kinds.live) writeHashes(writer, content.covered ?? [])
  return writer.finish()
}

function leafOfContent(database: string, content: Uint8Array): Uint8Array {
  return leafOf(
    RECORD_TAG,
    createByteWriter(64 + content.length)
      .text(database)
      .bytes(content)
      .finish(),
  )
}

function malformed(message: string): SyncError {
  return new SyncError('ERR_SYNC_PROTOCOL', `record: ${message}`)
}
