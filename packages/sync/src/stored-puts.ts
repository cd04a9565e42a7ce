import type { StoreOperation } from '@vudo/storage'
import { encodeProof, type ActorProof } from './authorship.ts'
import { encodeRecord, type CatalogueRecord } from './catalogue-record.ts'
import {
  chunkKey,
  documentKey,
  encodeStoredDocument,
  encodeStoredRecord,
  proofKey,
  recordKey,
  type StoredDocument,
} from './stored-keys.ts'

/*
 * What is to be written, as bytes only when the store takes it. A write may wait for the
 * disk while hundreds of documents come in: their records and heads are in memory anyway, and
 * keys and values of them as well would take twice as much again.
 */

/** A put whose key and value are made each time they are asked for. */
type LazyPut = StoreOperation & { readonly type: 'put' }

/** Writes a catalogue record under its arrival number. */
export function putRecord(record: CatalogueRecord, arrival: number): LazyPut {
  return new RecordPut(record, arrival)
}

/** Writes what is kept of a document besides its chunks. */
export function putDocument(id: string, stored: StoredDocument): LazyPut {
  return new DocumentPut(id, stored)
}

/** Writes a piece of a document. The bytes are taken over. */
export function putChunk(id: string, number: number, value: Uint8Array): LazyPut {
  return new ChunkPut(id, number, value)
}

/** Writes the proof of an actor in a document. */
export function putProof(id: string, proof: ActorProof): LazyPut {
  return new ProofPut(id, proof)
}

/** Bytes of its value that are in memory for the sake of the write: those of a chunk. */
export function heldBytes(operation: StoreOperation): number {
  return operation instanceof ChunkPut ? operation.value.length : 0
}

class RecordPut implements LazyPut {
  readonly #record: CatalogueRecord
  readonly #arrival: number

  constructor(record: CatalogueRecord, arrival: number) {
    this.#record = record
    this.#arrival = arrival
  }

  get type(): 'put' {
    return 'put'
  }

  get key(): Uint8Array {
    return recordKey(this.#record.hash)
  }

  get value(): Uint8Array {
    return encodeStoredRecord(this.#arrival, encodeRecord(this.#record))
  }
}

class DocumentPut implements LazyPut {
  readonly #id: string
  readonly #stored: StoredDocument

  constructor(id: string, stored: StoredDocument) {
    this.#id = id
    this.#stored = stored
  }

  get type(): 'put' {
    return 'put'
  }

  get key(): Uint8Array {
    return documentKey(this.#id)
  }

  get value(): Uint8Array {
    return encodeStoredDocument(this.#stored)
  }
}

class ChunkPut implements LazyPut {
  readonly #id: string
  readonly #number: number
  readonly value: Uint8Array

  constructor(id: string, number: number, value: Uint8Array) {
    this.#id = id
    this.#number = number
    this.value = value
  }

  get type(): 'put' {
    return 'put'
  }

  get key(): Uint8Array {
    return chunkKey(this.#id, this.#number)
  }
}

class ProofPut implements LazyPut {
  readonly #id: string
  readonly #proof: ActorProof

  constructor(id: string, proof: ActorProof) {
    this.#id = id
    this.#proof = proof
  }

  get type(): 'put' {
    return 'put'
  }

  get key(): Uint8Array {
    return proofKey(this.#id, this.#proof.actor)
  }

  get value(): Uint8Array {
    return encodeProof(this.#proof)
  }
}
