import { bytesToHex, createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import { MAX_CHUNK_PIECES, MAX_CHUNKS, MAX_HEADS, MAX_RUNS } from './limits.ts'
import type { Ack } from './document-state.ts'
import { readHashes, writeHashes, type StorePosition } from './wire.ts'

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
 *
 * `m`, `r`, `d`, `k` and `a` are read at the start; `c` and `p` when a document is opened.
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
}

/** Prefixes that are read when a database opens. */
export const indexPrefixes: readonly Uint8Array[] = [
  Uint8Array.of(letters.runs),
  Uint8Array.of(letters.record),
  Uint8Array.of(letters.document),
  Uint8Array.of(letters.peer),
  Uint8Array.of(letters.ack),
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

/** What was read of a database when it opens. */
export interface StoredIndex {
  readonly runs: readonly StoreRun[]
  readonly records: readonly { readonly arrival: number; readonly bytes: Uint8Array }[]
  readonly documents: ReadonlyMap<string, StoredDocument>
  readonly positionsByPeer: ReadonlyMap<string, StorePosition>
  readonly featuresByPeer: ReadonlyMap<string, number>
  readonly acks: readonly { readonly id: string; readonly peer: string; readonly ack: Ack }[]
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
  const records: { arrival: number; bytes: Uint8Array }[] = []
  const documents = new Map<string, StoredDocument>()
  const positionsByPeer = new Map<string, StorePosition>()
  const featuresByPeer = new Map<string, number>()
  const acks: { id: string; peer: string; ack: Ack }[] = []
  return {
    add(name, value) {
      const letter = name[0]
      const rest = bytesToHex(name.subarray(1))
      if (letter === letters.runs) runs = decodeRuns(value)
      else if (letter === letters.record) records.push(decodeStoredRecord(value))
      else if (letter === letters.document) documents.set(rest, decodeStoredDocument(value))
      else if (letter === letters.peer) {
        const { features, ...position } = decodePosition(value)
        positionsByPeer.set(rest, position)
        featuresByPeer.set(rest, features)
      } else if (letter === letters.ack) {
        acks.push({ id: rest.slice(0, 32), peer: rest.slice(32), ack: decodeAck(value) })
      }
    },
    get index() {
      return { runs, records, documents, positionsByPeer, featuresByPeer, acks }
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

function decodeStoredRecord(value: Uint8Array): { arrival: number; bytes: Uint8Array } {
  const reader = createByteReader(value)
  return { arrival: reader.varint(), bytes: reader.rest().slice() }
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
    heads: readHashes(reader, MAX_HEADS),
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
