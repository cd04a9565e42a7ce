import {
  createCursor,
  DIGEST_BYTES,
  ID_BYTES,
  pathFromSortKey,
  readToken,
  SIGNATURE_BYTES,
  type AuthorisationToken,
  type AuthorisedEntry,
  type Entry,
} from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { PAYLOAD_ID_BYTES, type PayloadId } from '../payloads/vault.ts'
import { capabilityCode, entryFingerprint } from './fingerprint.ts'
import type { Row } from './page.ts'
import { bytesToText, placeOf, textToBytes, type Place } from './place.ts'
import type { HeldEntry } from './store.ts'

/** A held entry with what only the store needs to know. */
export interface Held extends HeldEntry {
  readonly place: Place
  readonly timestamp: bigint
  /** Where its payload is kept, whole or in part. */
  readonly payloadId: PayloadId | undefined
}

/** How far the payload has come. */
export interface PayloadState {
  readonly available: bigint
  readonly payloadId: PayloadId | undefined
}

/** No payload byte is here. */
export const noPayload: PayloadState = { available: 0n, payloadId: undefined }

/** An entry that is about to be held. */
export function holdEntry({ entry, token }: AuthorisedEntry, state: PayloadState): Held {
  const { available, payloadId } = state
  const fingerprint = entryFingerprint(entry, token.capability, available)
  const place = placeOf(entry)
  return { entry, token, available, payloadId, fingerprint, place, timestamp: entry.timestamp }
}

/** What the pages keep of it. */
export function rowOf(held: Held): Row {
  const { payloadLength, payloadDigest } = held.entry
  return {
    place: held.place,
    timestamp: held.timestamp,
    payloadLength,
    payloadDigest,
    fingerprint: held.fingerprint,
  }
}

/** First byte of every record. */
const recordVersion = 1
const at = { timestamp: 1, length: 9, available: 17, digest: 25, fingerprint: 57, payload: 89 }
const sortKeyLengthAt = at.payload + PAYLOAD_ID_BYTES
const sortKeyAt = sortKeyLengthAt + 2

/**
 * The stored form, `docs/wire-formats/willow-store.md`, in a new buffer.
 *
 * @param sortKey - Of the path when the record's key does not hold all of it, else empty.
 */
export function encodeHeld(held: Held, sortKey: Uint8Array): Uint8Array {
  const { entry, token } = held
  const code = capabilityCode(token.capability)
  const tokenAt = sortKeyAt + sortKey.length
  const record = new Uint8Array(tokenAt + code.length + SIGNATURE_BYTES)
  const view = new DataView(record.buffer)
  record[0] = recordVersion
  view.setBigUint64(at.timestamp, entry.timestamp)
  view.setBigUint64(at.length, entry.payloadLength)
  view.setBigUint64(at.available, held.available)
  record.set(entry.payloadDigest, at.digest)
  record.set(held.fingerprint, at.fingerprint)
  if (held.payloadId) record.set(held.payloadId, at.payload)
  view.setUint16(sortKeyLengthAt, sortKey.length)
  record.set(sortKey, sortKeyAt)
  record.set(code, tokenAt)
  record.set(token.signature, tokenAt + code.length)
  return record
}

/** The sort key inside a record, when its key does not hold all of it. */
export function sortKeyInRecord(record: Uint8Array): Uint8Array {
  assertRecord(record)
  const length = viewOf(record).getUint16(sortKeyLengthAt)
  return record.subarray(sortKeyAt, sortKeyAt + length)
}

/** A held entry that came from a record. */
export interface StoredHeld extends Held {
  /** What the pages keep of it; shares the record. */
  readonly row: Row
}

/**
 * The entry in a record, which belongs to it from then on. Its parts are decoded when asked
 * for: who lists a thousand entries rarely looks at their capabilities.
 *
 * @param place - As text, or as the bytes of subspace id and sort key, shared.
 */
export function decodeHeld(
  namespaceId: Uint8Array,
  place: Place | Uint8Array,
  record: Uint8Array,
): StoredHeld {
  assertRecord(record)
  return new StoredEntry(namespaceId, place, record)
}

class StoredEntry implements StoredHeld {
  readonly #namespaceId: Uint8Array
  readonly #record: Uint8Array
  /** One for all numbers: making it costs as much as reading ten. */
  readonly #view: DataView
  #place: Place | Uint8Array
  #entry: Entry | undefined
  #token: AuthorisationToken | undefined

  constructor(namespaceId: Uint8Array, place: Place | Uint8Array, record: Uint8Array) {
    this.#namespaceId = namespaceId
    this.#place = place
    this.#record = record
    this.#view = new DataView(record.buffer, record.byteOffset, record.byteLength)
  }

  get place(): Place {
    if (typeof this.#place !== 'string') this.#place = bytesToText(this.#place)
    return this.#place
  }

  get timestamp(): bigint {
    return this.#view.getBigUint64(at.timestamp)
  }

  get available(): bigint {
    return this.#view.getBigUint64(at.available)
  }

  get fingerprint(): Uint8Array {
    return this.#record.subarray(at.fingerprint, at.fingerprint + DIGEST_BYTES)
  }

  get payloadId(): PayloadId | undefined {
    const id = this.#record.subarray(at.payload, sortKeyLengthAt)
    return id.some((byte) => byte !== 0) ? id : undefined
  }

  get row(): Row {
    const record = this.#record
    return {
      place: this.place,
      timestamp: this.timestamp,
      payloadLength: this.#view.getBigUint64(at.length),
      payloadDigest: record.subarray(at.digest, at.digest + DIGEST_BYTES),
      fingerprint: this.fingerprint,
    }
  }

  get entry(): Entry {
    this.#entry ??= this.#decodeEntry()
    return this.#entry
  }

  /** Not by `createEntry`: what this store wrote need not be checked again, and freezing costs more than the rest. */
  #decodeEntry(): Entry {
    const place = this.#place
    const bytes = typeof place === 'string' ? textToBytes(place) : place
    return {
      namespaceId: this.#namespaceId,
      subspaceId: bytes.subarray(0, ID_BYTES),
      path: pathFromSortKey(bytes.subarray(ID_BYTES)),
      timestamp: this.timestamp,
      payloadLength: this.#view.getBigUint64(at.length),
      payloadDigest: this.#record.subarray(at.digest, at.digest + DIGEST_BYTES),
    }
  }

  get token(): AuthorisationToken {
    const from = sortKeyAt + this.#view.getUint16(sortKeyLengthAt)
    this.#token ??= readToken(createCursor(this.#record, from))
    return this.#token
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function assertRecord(record: Uint8Array): void {
  if (record[0] === recordVersion && record.length >= sortKeyAt) return
  throw willowError('ERR_WILLOW_STORE_FORMAT', 'a record has a version that is not known here')
}
