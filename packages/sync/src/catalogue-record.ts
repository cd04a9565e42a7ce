import { sha256, verifySignature, type AuthorKey } from '@vudo/identity'
import {
  bytesToHex,
  createByteReader,
  createByteWriter,
  hexToBytes,
  type ByteReader,
  type ByteWriter,
} from '@vudo/wire'
import { DOCUMENT_ID_BYTES } from './document-id.ts'
import { SyncError } from './errors.ts'
import { MAX_COVERED_HEADS, MAX_PATH_BYTES, MAX_SHARED_AUTHORS } from './limits.ts'
import { parsePath } from './paths.ts'
import { readHashes, writeHashes } from './wire.ts'

/** The domain of signatures over records, and of their hashes. */
export const RECORD_TAG = 'vudo/catalogue-record/1'

const HASH_BYTES = 32
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const utf8 = new TextEncoder()

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
  /** Of the content without author and signature: two devices that say the same make one record. Hex. */
  readonly hash: string
  /** The signer's public key as hex. */
  readonly author: string
  /** 64 bytes, one character each: a buffer of its own would take four times the memory. */
  readonly signature: string
}

/** Makes and signs a record. */
export function signRecord(
  database: string,
  content: RecordContent,
  author: AuthorKey,
): CatalogueRecord {
  const message = signedBytes(database, content)
  const signature = toCharacters(author.sign(RECORD_TAG, message))
  return { ...content, hash: hashOf(message), author: author.authorId, signature }
}

/** The bytes of a record: as it travels and as it is stored. */
export function encodeRecord(record: CatalogueRecord): Uint8Array {
  return writeContent(createByteWriter(roomFor(record)), record)
    .bytes(hexToBytes(record.author))
    .bytes(toBytes(record.signature))
    .finish()
}

/**
 * Reads a record and checks its signature.
 *
 * @throws `SyncError` `ERR_AUTHORSHIP_INVALID`, `ERR_SYNC_PROTOCOL` or `ERR_PATH_INVALID`; `WireError` for bytes that are no record.
 */
export function decodeCatalogueRecord(database: string, bytes: Uint8Array): CatalogueRecord {
  return checkRecord(database, decodeTrustedRecord(database, bytes))
}

/** Checks the signature of a record that was only read. @throws `SyncError` `ERR_AUTHORSHIP_INVALID`. */
export function checkRecord(database: string, record: CatalogueRecord): CatalogueRecord {
  const message = signedBytes(database, record)
  const signature = toBytes(record.signature)
  if (!verifySignature(record.author, RECORD_TAG, message, signature)) {
    throw new SyncError(
      'ERR_AUTHORSHIP_INVALID',
      `the record of ${JSON.stringify(record.path)} is not signed by the author it names`,
    )
  }
  return record
}

/** Reads a record, without a look at its signature. @throws as {@link decodeCatalogueRecord}, but for authorship. */
export function decodeTrustedRecord(database: string, bytes: Uint8Array): CatalogueRecord {
  // A content has one encoding: what was read is what would be written.
  return readRecord(bytes, (content) => {
    return hashOf(
      createByteWriter(64 + content.length)
        .text(database)
        .bytes(content)
        .finish(),
    )
  })
}

/** Reads a record of our own store, whose signature was checked when it came in. Its hash is its key there. */
export function decodeOwnRecord(hash: string, bytes: Uint8Array): CatalogueRecord {
  return readRecord(bytes, () => hash)
}

function readRecord(
  bytes: Uint8Array,
  hashOfContent: (content: Uint8Array) => string,
): CatalogueRecord {
  const reader = createByteReader(bytes)
  const path = reader.text(MAX_PATH_BYTES)
  if (parsePath(path) !== path) throw malformed('path is not in normal form')
  const documentId = bytesToHex(reader.bytes(DOCUMENT_ID_BYTES))
  const generation = reader.varint()
  const kind = reader.u8()
  const state = readState(kind)
  const predecessor = generation === 0 ? undefined : bytesToHex(reader.bytes(HASH_BYTES))
  if (kind === kinds.successor && generation === 0) throw malformed('a successor of nothing')
  const covered = kind === kinds.live ? undefined : readCovered(reader)
  const hash = hashOfContent(bytes.subarray(0, bytes.length - reader.remaining))
  const author = sharedAuthor(bytesToHex(reader.bytes(KEY_BYTES)))
  const signature = toCharacters(reader.bytes(SIGNATURE_BYTES))
  reader.end()
  return { path, documentId, generation, state, predecessor, covered, hash, author, signature }
}

/** Most records of a database are of a few authors: one text for each. */
const authors = new Map<string, string>()

function sharedAuthor(author: string): string {
  const known = authors.get(author)
  if (known !== undefined) return known
  if (authors.size >= MAX_SHARED_AUTHORS) authors.clear()
  authors.set(author, author)
  return author
}

function toCharacters(bytes: Uint8Array): string {
  const codes: number[] = []
  for (const byte of bytes) codes.push(byte)
  return String.fromCharCode(...codes)
}

/** Without an iterator over the characters, each of which would be a text of its own. */
function toBytes(characters: string): Uint8Array {
  const bytes = new Uint8Array(characters.length)
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at)
  return bytes
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
function roomFor({ path }: RecordContent): number {
  return 256 + path.length
}

function writeContent(writer: ByteWriter, content: RecordContent): ByteWriter {
  writer
    .text(content.path)
    .bytes(hexToBytes(content.documentId))
    .varint(content.generation)
    .u8(kindOf(content))
  if (content.predecessor !== undefined) writer.bytes(hexToBytes(content.predecessor))
  if (kindOf(content) !== kinds.live) writeHashes(writer, content.covered ?? [])
  return writer
}

function signedBytes(database: string, content: RecordContent): Uint8Array {
  return writeContent(createByteWriter(roomFor(content)).text(database), content).finish()
}

function hashOf(message: Uint8Array): string {
  const tagged = createByteWriter(32 + message.length)
    .bytes(utf8.encode(`${RECORD_TAG}\0`))
    .bytes(message)
    .finish()
  return bytesToHex(sha256(tagged))
}

function malformed(message: string): SyncError {
  return new SyncError('ERR_SYNC_PROTOCOL', `record: ${message}`)
}
