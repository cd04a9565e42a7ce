import { sha256 } from '@vudo/identity'
import {
  bytesEqual,
  bytesToHex,
  concatBytes,
  createByteReader,
  createByteWriter,
  hexToBytes,
  isWireError,
  type ByteReader,
} from '@vudo/wire'
import { readProof, writeProof, type ActorProof } from './authorship.ts'
import { SyncError } from './errors.ts'
import {
  MAX_ACTORS,
  MAX_DATABASE_ID_BYTES,
  MAX_DOCUMENT_BYTES,
  MAX_HEADS,
  MAX_RECORD_BYTES,
  MAX_RECORDS,
  MAX_SPACE_FILE_BYTES,
} from './limits.ts'
import { readHashes, writeHashes } from './wire-fields.ts'

/*
 * A part of a database as one file: docs/wire-formats/space-file.md. Records and proofs are
 * signed, and what the changes are follows from their hashes, so that nobody who carries
 * the file can change what it says.
 */

/** What a file holds. */
export interface SpaceFile {
  readonly database: string
  /** As they travel, each after its predecessor. */
  readonly records: readonly Uint8Array[]
  readonly documents: readonly SavedDocument[]
}

/** A document in a file. */
export interface SavedDocument {
  /** 32 characters of hex. */
  readonly id: string
  readonly heads: readonly string[]
  readonly proofs: readonly ActorProof[]
  /** As Automerge saves it. */
  readonly bytes: Uint8Array
}

const utf8 = new TextEncoder()
const magic = utf8.encode('vudo/space/1\0')
const CHECKSUM_BYTES = 32
const ID_BYTES = 16

/** Writes a file. @throws `SyncError` `ERR_SYNC_LIMIT` when it would be too large. */
export function encodeSpaceFile({ database, records, documents }: SpaceFile): Uint8Array {
  const writer = createByteWriter().bytes(magic).text(database).varint(records.length)
  for (const record of records) writer.prefixed(record)
  writer.varint(documents.length)
  let bytes = 0
  for (const { id, heads, proofs, bytes: saved } of documents) {
    bytes += saved.length
    if (bytes > MAX_SPACE_FILE_BYTES) throw tooLarge(bytes)
    writer.bytes(hexToBytes(id))
    writeHashes(writer, heads)
    writer.varint(proofs.length)
    for (const proof of proofs) writeProof(writer, proof)
    writer.prefixed(saved)
  }
  const content = writer.finish()
  const file = concatBytes(content, sha256(content))
  if (file.length > MAX_SPACE_FILE_BYTES) throw tooLarge(file.length)
  return file
}

/**
 * Reads a file. Nothing in it is believed yet: signatures are checked where it is taken in.
 *
 * @returns Its buffers are parts of `bytes`.
 * @throws `SyncError` `ERR_SPACE_FILE_INVALID`, whatever the bytes are.
 */
export function decodeSpaceFile(bytes: Uint8Array): SpaceFile {
  if (bytes.length > MAX_SPACE_FILE_BYTES) throw invalid(`it has ${bytes.length} bytes`)
  const end = bytes.length - CHECKSUM_BYTES
  const content = bytes.subarray(0, Math.max(0, end))
  if (end < magic.length || !bytesEqual(content.subarray(0, magic.length), magic)) {
    throw invalid('it does not begin as one of version 1')
  }
  if (!bytesEqual(sha256(content), bytes.subarray(end))) throw invalid('its checksum is wrong')
  try {
    return readContent(createByteReader(content.subarray(magic.length)))
  } catch (error) {
    if (!isWireError(error)) throw error
    throw invalid(error.message)
  }
}

function readContent(reader: ByteReader): SpaceFile {
  const database = reader.text(MAX_DATABASE_ID_BYTES)
  // Lists grow with what is really there: a count alone reserves nothing.
  const records: Uint8Array[] = []
  for (let left = reader.varint(MAX_RECORDS); left > 0; left--) {
    records.push(reader.prefixed(MAX_RECORD_BYTES))
  }
  const documents: SavedDocument[] = []
  for (let left = reader.varint(MAX_RECORDS); left > 0; left--) documents.push(readDocument(reader))
  reader.end()
  return { database, records, documents }
}

function readDocument(reader: ByteReader): SavedDocument {
  const id = bytesToHex(reader.bytes(ID_BYTES))
  const heads = readHashes(reader, MAX_HEADS)
  const proofs: ActorProof[] = []
  for (let left = reader.varint(MAX_ACTORS); left > 0; left--) proofs.push(readProof(reader))
  return { id, heads, proofs, bytes: reader.prefixed(MAX_DOCUMENT_BYTES) }
}

function invalid(why: string): SyncError {
  return new SyncError('ERR_SPACE_FILE_INVALID', `the file is no space: ${why}`, {
    hint: 'export it again; a file that was cut off cannot be read',
  })
}

function tooLarge(bytes: number): SyncError {
  const message = `the file would have ${bytes} bytes, at most ${MAX_SPACE_FILE_BYTES}`
  return new SyncError('ERR_SYNC_LIMIT', message, { hint: 'export smaller prefixes' })
}
