import { bytesToHex, createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import { ACTOR_BYTES } from './authorship.ts'
import {
  MAX_CHUNK_PIECES,
  MAX_CHUNKS,
  MAX_HEADS,
  MAX_REMEMBERED_ACTORS,
  MAX_RUNS,
  MAX_STORED_HEADS,
} from './limits.ts'
import { decodeOwnRecord, type CatalogueRecord } from './catalogue-record.ts'
import type { Ack } from './document-heads.ts'
import { readHashes, writeHashes } from './wire-fields.ts'
import type { StorePosition } from './wire.ts'

/*
 * How a database lies in its store: key and value of every kind of record, byte by
 * byte. A key begins with a letter; what follows has a fixed length.
 *
 *   m                             lives of the store: count, then (run 16, first arrival)
 *   r <record hash 32>            arrival, the signed record
 *   d <document 16>               arrival, heads, chunks (see StoredDocument)
 *   c <document 16> <number 4>    a piece of the document: a snapshot, then later changes
 *   p <document 16> <actor 16>    the proof of an actor's newest change
 *   k <peer 32>                   where we stand in that peer's store: run 16, arrival, its features
 *   a <document 16> <peer 32>     the heads that the peer has stored, 32 bytes each, or their digest, 16 bytes
 *   x <document 16>               why the bytes of a document are gone (see DocumentMark)
 *   w <peer 32>                   the arrival up to which the peer has stored what is here
 *   b <document 16>               the blobs that the document names (see StoredBlobs)
 *
 * All but `c` and `p` are read at the start, those when a document is opened.
 */

const HASH_BYTES = 32
const DIGEST_BYTES = 16

const letters = {
  runs: 0x6d,
  record: 0x72,
  document: 0x64,
  chunk: 0x63,
  proof: 0x70,
  peer: 0x6b,
  ack: 0x61,
  mark: 0x78,
  reach: 0x77,
  blobs: 0x62,
}

/** Prefixes that are read when a database opens. */
export const indexPrefixes: readonly Uint8Array[] = [
  Uint8Array.of(letters.runs),
  Uint8Array.of(letters.record),
  Uint8Array.of(letters.document),
  Uint8Array.of(letters.peer),
  Uint8Array.of(letters.ack),
  Uint8Array.of(letters.mark),
  Uint8Array.of(letters.reach),
  Uint8Array.of(letters.blobs),
]

/** The key of the store's lives. */
export const runsKey: Uint8Array = Uint8Array.of(letters.runs)

/** The key of a catalogue record. */
export function recordKey(hash: string): Uint8Array {
  return key(letters.record, hash)
}

/** The key of what is known of a document. */
export function documentKey(id: string): Uint8Array {
  return key(letters.document, id)
}

/** The key of a chunk of a document. */
export function chunkKey(id: string, number: number): Uint8Array {
  return createByteWriter().bytes(chunkPrefix(id)).u32(number).finish()
}

/** The beginning of all chunks of a document, in the order in which they were written. */
export function chunkPrefix(id: string): Uint8Array {
  return key(letters.chunk, id)
}

/** The key of an actor's proof. */
export function proofKey(id: string, actor: string): Uint8Array {
  return key(letters.proof, id + actor)
}

/** The beginning of all proofs of a document. */
export function proofPrefix(id: string): Uint8Array {
  return key(letters.proof, id)
}

/** The key of where we stand in a peer's store. */
export function peerKey(peer: string): Uint8Array {
  return key(letters.peer, peer)
}

/** The key of what a peer has stored of a document. */
export function ackKey(id: string, peer: string): Uint8Array {
  return key(letters.ack, id + peer)
}

/** The key of the mark that stands for a document whose bytes are gone. */
export function markKey(id: string): Uint8Array {
  return key(letters.mark, id)
}

/** The key of how much of what is here a peer has stored. */
export function reachKey(peer: string): Uint8Array {
  return key(letters.reach, peer)
}

/** The key of the blobs that a document names. */
export function blobsKey(id: string): Uint8Array {
  return key(letters.blobs, id)
}

function key(letter: number, hex: string): Uint8Array {
  return createByteWriter().u8(letter).bytes(hexToBytes(hex)).finish()
}

/** One life of a store: from the start of a program to its end. */
export interface StoreRun {
  /** 16 random bytes as hex. */
  readonly id: string
  /** The first arrival of this life. */
  readonly firstArrival: number
}

/** What is kept of a document besides its chunks. */
export interface StoredDocument {
  readonly arrival: number
  readonly heads: readonly string[]
  /** The numbers of the chunks, oldest first. */
  readonly firstChunk: number
  readonly chunkCount: number
  /** Bytes of the first chunk and of those after it. */
  readonly snapshotBytes: number
  readonly laterBytes: number
  /** It was stored as it came and never opened: what it says of itself is what its sender claims. */
  readonly isClaimed?: boolean | undefined
}

/** What stays of a document whose bytes were taken from the disk. */
export interface DocumentMark {
  /** `retired`: it was deleted, or has a successor, and so had everybody. `forgotten`: this device was told to. */
  readonly reason: 'retired' | 'forgotten'
  /** What it held, sorted. */
  readonly heads: readonly string[]
  /** The newest change of each actor in it, by its number; empty when there were too many actors. */
  readonly newestByActor: ReadonlyMap<string, number>
}

/** What a document named when it was looked into. */
export interface StoredBlobs {
  /** Of the heads at which it did, 16 bytes as hex. */
  readonly digest: string
  /** Hashes of blobs, 64 characters of hex each. */
  readonly hashes: readonly string[]
  /** It names more than these. */
  readonly isCut: boolean
}

/** Of a document of which nothing is stored. */
export const nothingStored: StoredDocument = {
  arrival: 0,
  heads: [],
  firstChunk: 0,
  chunkCount: 0,
  snapshotBytes: 0,
  laterBytes: 0,
}

/** What was read of a database when it opens. */
export interface StoredIndex {
  readonly runs: readonly StoreRun[]
  readonly records: readonly { readonly arrival: number; readonly record: CatalogueRecord }[]
  readonly documents: ReadonlyMap<string, StoredDocument>
  readonly positionsByPeer: ReadonlyMap<string, StorePosition>
  readonly featuresByPeer: ReadonlyMap<string, number>
  readonly acks: readonly { readonly id: string; readonly peer: string; readonly ack: Ack }[]
  readonly marks?: ReadonlyMap<string, DocumentMark> | undefined
  readonly reachByPeer?: ReadonlyMap<string, number> | undefined
  readonly blobs?: ReadonlyMap<string, StoredBlobs> | undefined
}

/** Gathers an index out of its entries, so that not all of them are in memory at once. */
export interface IndexReader {
  /** Takes an entry, whose bytes stay the caller's. @throws `WireError` `ERR_DECODE` for one that this version did not write. */
  add(key: Uint8Array, value: Uint8Array): void
  /** Everything that was added. */
  readonly index: StoredIndex
}

/** A reader that has read nothing yet. */
export function createIndexReader(): IndexReader {
  let runs: readonly StoreRun[] = []
  const records: { arrival: number; record: CatalogueRecord }[] = []
  const documents = new Map<string, StoredDocument>()
  const positionsByPeer = new Map<string, StorePosition>()
  const featuresByPeer = new Map<string, number>()
  const acks: { id: string; peer: string; ack: Ack }[] = []
  const marks = new Map<string, DocumentMark>()
  const reachByPeer = new Map<string, number>()
  const blobs = new Map<string, StoredBlobs>()
  return {
    add(name, value) {
      const letter = name[0]
      const rest = bytesToHex(name.subarray(1))
      if (letter === letters.runs) runs = decodeRuns(value)
      else if (letter === letters.record) records.push(decodeStoredRecord(rest, value))
      else if (letter === letters.document) documents.set(rest, decodeStoredDocument(value))
      else if (letter === letters.peer) {
        const { features, ...position } = decodePosition(value)
        positionsByPeer.set(rest, position)
        featuresByPeer.set(rest, features)
      } else if (letter === letters.mark) marks.set(rest, decodeMark(value))
      else if (letter === letters.blobs) blobs.set(rest, decodeBlobs(value))
      else if (letter === letters.reach) reachByPeer.set(rest, createByteReader(value).varint())
      else if (letter === letters.ack) {
        acks.push({ id: rest.slice(0, 32), peer: rest.slice(32), ack: decodeAck(value) })
      }
    },
    get index() {
      return {
        runs,
        records,
        documents,
        positionsByPeer,
        featuresByPeer,
        acks,
        marks,
        reachByPeer,
        blobs,
      }
    },
  }
}

/**
 * Reads the entries of the index.
 *
 * @throws `WireError` `ERR_DECODE` for an entry that this version did not write.
 */
export function decodeIndex(
  entries: Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>,
): StoredIndex {
  const reader = createIndexReader()
  for (const { key: name, value } of entries) reader.add(name, value)
  return reader.index
}

/** The value under {@link runsKey}. */
export function encodeRuns(runs: readonly StoreRun[]): Uint8Array {
  const writer = createByteWriter().varint(runs.length)
  for (const { id, firstArrival } of runs) writer.bytes(hexToBytes(id)).varint(firstArrival)
  return writer.finish()
}

function decodeRuns(value: Uint8Array): StoreRun[] {
  const reader = createByteReader(value)
  const count = reader.varint(MAX_RUNS)
  return Array.from({ length: count }, () => ({
    id: bytesToHex(reader.bytes(16)),
    firstArrival: reader.varint(),
  }))
}

/** The value under a {@link recordKey}. */
export function encodeStoredRecord(arrival: number, bytes: Uint8Array): Uint8Array {
  return createByteWriter().varint(arrival).bytes(bytes).finish()
}

function decodeStoredRecord(
  hash: string,
  value: Uint8Array,
): { arrival: number; record: CatalogueRecord } {
  const reader = createByteReader(value)
  return { arrival: reader.varint(), record: decodeOwnRecord(hash, reader.rest()) }
}

/** The value under a {@link documentKey}. */
export function encodeStoredDocument(stored: StoredDocument): Uint8Array {
  const writer = createByteWriter().varint(stored.arrival)
  writeHashes(writer, stored.heads)
  writer.varint(stored.firstChunk).varint(stored.chunkCount)
  writer.varint(stored.snapshotBytes).varint(stored.laterBytes)
  return (stored.isClaimed ? writer.u8(1) : writer).finish()
}

function decodeStoredDocument(value: Uint8Array): StoredDocument {
  const reader = createByteReader(value)
  return {
    arrival: reader.varint(),
    heads: readHashes(reader, MAX_STORED_HEADS),
    firstChunk: reader.varint(),
    chunkCount: reader.varint(MAX_CHUNKS + MAX_CHUNK_PIECES),
    snapshotBytes: reader.varint(),
    laterBytes: reader.varint(),
    isClaimed: reader.remaining > 0 && reader.u8() === 1,
  }
}

/** The value under a {@link peerKey}. */
export function encodePosition({ run, arrival }: StorePosition, features: number): Uint8Array {
  return createByteWriter().bytes(hexToBytes(run)).varint(arrival).varint(features).finish()
}

function decodePosition(value: Uint8Array): StorePosition & { readonly features: number } {
  const reader = createByteReader(value)
  const [run, arrival] = [bytesToHex(reader.bytes(16)), reader.varint()]
  return { run, arrival, features: reader.remaining > 0 ? reader.varint() : 0 }
}

/** The value under an {@link ackKey}. */
export function encodeAck(ack: Ack): Uint8Array {
  return hexToBytes(typeof ack === 'string' ? ack : ack.join(''))
}

function decodeAck(value: Uint8Array): Ack {
  if (value.length === DIGEST_BYTES) return bytesToHex(value)
  const reader = createByteReader(value)
  return Array.from({ length: value.length / HASH_BYTES }, () =>
    bytesToHex(reader.bytes(HASH_BYTES)),
  )
}

/** The value under a {@link markKey}. */
export function encodeMark({ reason, heads, newestByActor }: DocumentMark): Uint8Array {
  const writer = createByteWriter().u8(reason === 'retired' ? 0 : 1)
  writeHashes(writer, heads)
  writer.varint(newestByActor.size)
  for (const [actor, seq] of newestByActor) writer.bytes(hexToBytes(actor)).varint(seq)
  return writer.finish()
}

function decodeMark(value: Uint8Array): DocumentMark {
  const reader = createByteReader(value)
  const reason = reader.u8() === 0 ? 'retired' : 'forgotten'
  const heads = readHashes(reader, MAX_HEADS)
  const count = reader.varint(MAX_REMEMBERED_ACTORS)
  const newestByActor = new Map<string, number>()
  for (let at = 0; at < count; at++) {
    newestByActor.set(bytesToHex(reader.bytes(ACTOR_BYTES)), reader.varint())
  }
  return { reason, heads, newestByActor }
}

/** The value under a {@link blobsKey}. */
export function encodeBlobs({ digest, hashes, isCut }: StoredBlobs): Uint8Array {
  const writer = createByteWriter()
    .bytes(hexToBytes(digest))
    .u8(isCut ? 1 : 0)
  for (const hash of hashes) writer.bytes(hexToBytes(hash))
  return writer.finish()
}

function decodeBlobs(value: Uint8Array): StoredBlobs {
  const reader = createByteReader(value)
  const digest = bytesToHex(reader.bytes(DIGEST_BYTES))
  const isCut = reader.u8() === 1
  const hashes: string[] = []
  while (reader.remaining > 0) hashes.push(bytesToHex(reader.bytes(HASH_BYTES)))
  return { digest, hashes, isCut }
}

/** The value under a {@link reachKey}. */
export function encodeReach(arrival: number): Uint8Array {
  return createByteWriter().varint(arrival).finish()
}
