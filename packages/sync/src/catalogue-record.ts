import { sha256, verifySignature, type AuthorKey } from '@vudo/identity'
import {
  bytesToHex,
  createByteReader,
  createByteWriter,
  hexToBytes,
  type ByteReader,
} from '@vudo/wire'
import { DOCUMENT_ID_BYTES } from './document-id.ts'
import { SyncError } from './errors.ts'
import { MAX_COVERED_HEADS, MAX_PATH_BYTES } from './limits.ts'
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
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Makes and signs a record. */
export function signRecord(
  database: string,
  content: RecordContent,
  author: AuthorKey,
): CatalogueRecord {
  const message = signedBytes(database, content)
  const signature = author.sign(RECORD_TAG, message)
  return { ...content, hash: hashOf(message), author: author.authorId, signature }
}

/** The bytes of a record: as it travels and as it is stored. */
export function encodeRecord(record: CatalogueRecord): Uint8Array {
  return createByteWriter()
    .bytes(encodeContent(record))
    .bytes(hexToBytes(record.author))
    .bytes(record.signature)
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
  if (!verifySignature(record.author, RECORD_TAG, message, record.signature)) {
    throw new SyncError(
      'ERR_AUTHORSHIP_INVALID',
      `the record of ${JSON.stringify(record.path)} is not signed by the author it names`,
    )
  }
  return record
}

/** Reads a record of our own store, whose signature was checked when it came in. */
export function decodeTrustedRecord(database: string, bytes: Uint8Array): CatalogueRecord {
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
  const author = bytesToHex(reader.bytes(KEY_BYTES))
  const signature = reader.bytes(SIGNATURE_BYTES).slice()
  reader.end()
  const base = { path, documentId, generation, state, predecessor }
  const content: RecordContent = covered ? { ...base, covered } : base
  return { ...content, hash: hashOf(signedBytes(database, content)), author, signature }
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

function encodeContent(content: RecordContent): Uint8Array {
  const writer = createByteWriter()
    .text(content.path)
    .bytes(hexToBytes(content.documentId))
    .varint(content.generation)
    .u8(kindOf(content))
  if (content.predecessor !== undefined) writer.bytes(hexToBytes(content.predecessor))
  if (kindOf(content) !== kinds.live) writeHashes(writer, content.covered ?? [])
  return writer.finish()
}

function signedBytes(database: string, content: RecordContent): Uint8Array {
  return createByteWriter().text(database).bytes(encodeContent(content)).finish()
}

function hashOf(message: Uint8Array): string {
  const tagged = createByteWriter()
    .bytes(utf8.encode(`${RECORD_TAG}\0`))
    .bytes(message)
    .finish()
  return bytesToHex(sha256(tagged))
}

function malformed(message: string): SyncError {
  return new SyncError('ERR_SYNC_PROTOCOL', `record: ${message}`)
}
