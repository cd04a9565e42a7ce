import type { Place } from './place.ts'
import { FINGERPRINT_WORDS, fingerprintToWords, Sum } from './sum.ts'
import { DIGEST_BYTES } from '@vudo/meadowcap'

/** What pruning and summing need to know of an entry. */
export interface Row {
  readonly place: Place
  readonly timestamp: bigint
  readonly payloadLength: bigint
  /** 32 bytes. */
  readonly payloadDigest: Uint8Array
  /** 32 bytes. */
  readonly fingerprint: Uint8Array
}

/**
 * The rows of one page, ordered by place, as columns: about 200 bytes per row instead of the
 * 700 that an object with its buffers takes.
 */
export class Rows {
  readonly places: Place[] = []
  #columns: Columns

  /** @param capacity - Rows that there is room for at first. */
  constructor(capacity: number = firstCapacity) {
    this.#columns = createColumns(capacity)
  }

  get length(): number {
    return this.places.length
  }

  timestampAt(index: number): bigint {
    return this.#columns.timestamps[index] ?? 0n
  }

  /** The first row whose place is not less than `place`. */
  lowerBound(place: Place): number {
    let low = 0
    let high = this.places.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.places[middle] ?? '') < place) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Orders the row at `index` and another entry by recency: timestamp, digest, length. */
  compareRecency(index: number, other: Row): number {
    const timestamp = this.timestampAt(index)
    if (timestamp !== other.timestamp) return timestamp < other.timestamp ? -1 : 1
    for (let at = 0; at < DIGEST_BYTES; at++) {
      const difference =
        (this.#columns.digests[index * DIGEST_BYTES + at] ?? 0) - (other.payloadDigest[at] ?? 0)
      if (difference !== 0) return difference
    }
    const length = this.#columns.lengths[index] ?? 0n
    if (length === other.payloadLength) return 0
    return length < other.payloadLength ? -1 : 1
  }

  /** Adds the row at `index` to a sum. */
  addTo(sum: Sum, index: number): void {
    const length = this.#columns.lengths[index] ?? 0n
    sum.add(this.#columns.words, index * FINGERPRINT_WORDS, this.timestampAt(index), length)
  }

  /** Takes the row at `index` out of a sum; tells whether its bounds must be found anew. */
  subtractFrom(sum: Sum, index: number): boolean {
    const length = this.#columns.lengths[index] ?? 0n
    return sum.subtract(
      this.#columns.words,
      index * FINGERPRINT_WORDS,
      this.timestampAt(index),
      length,
    )
  }

  insert(index: number, row: Row): void {
    const count = this.places.length
    if (count === this.#columns.timestamps.length) this.#grow()
    const { timestamps, lengths, digests, words } = this.#columns
    timestamps.copyWithin(index + 1, index, count)
    lengths.copyWithin(index + 1, index, count)
    digests.copyWithin((index + 1) * DIGEST_BYTES, index * DIGEST_BYTES, count * DIGEST_BYTES)
    const word = index * FINGERPRINT_WORDS
    words.copyWithin(word + FINGERPRINT_WORDS, word, count * FINGERPRINT_WORDS)
    this.places.splice(index, 0, row.place)
    timestamps[index] = row.timestamp
    lengths[index] = row.payloadLength
    digests.set(row.payloadDigest, index * DIGEST_BYTES)
    fingerprintToWords(row.fingerprint, words, word)
  }

  remove(index: number): void {
    const { timestamps, lengths, digests, words } = this.#columns
    this.places.splice(index, 1)
    timestamps.copyWithin(index, index + 1)
    lengths.copyWithin(index, index + 1)
    digests.copyWithin(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
    words.copyWithin(index * FINGERPRINT_WORDS, (index + 1) * FINGERPRINT_WORDS)
  }

  /** Moves the rows from `index` on into a page of their own, which has as much room as this one. */
  splitOff(index: number): Rows {
    const rest = new Rows(this.#columns.timestamps.length)
    const { timestamps, lengths, digests, words } = this.#columns
    const end = this.places.length
    rest.places.push(...this.places.splice(index))
    const columns = rest.#columns
    columns.timestamps.set(timestamps.subarray(index, end))
    columns.lengths.set(lengths.subarray(index, end))
    columns.digests.set(digests.subarray(index * DIGEST_BYTES, end * DIGEST_BYTES))
    columns.words.set(words.subarray(index * FINGERPRINT_WORDS, end * FINGERPRINT_WORDS))
    return rest
  }

  /** The sum of all rows. */
  sum(): Sum {
    const sum = new Sum()
    for (let index = 0; index < this.length; index++) this.addTo(sum, index)
    return sum
  }

  /** Least and greatest timestamp, into `sum`. */
  boundInto(sum: Sum): void {
    let min = this.timestampAt(0)
    let max = min
    for (let index = 1; index < this.length; index++) {
      const timestamp = this.timestampAt(index)
      if (timestamp < min) min = timestamp
      if (timestamp > max) max = timestamp
    }
    sum.bound(min, max)
  }

  #grow(): void {
    const old = this.#columns
    this.#columns = createColumns(old.timestamps.length * 2)
    this.#columns.timestamps.set(old.timestamps)
    this.#columns.lengths.set(old.lengths)
    this.#columns.digests.set(old.digests)
    this.#columns.words.set(old.words)
  }
}

/** Rows that a new page has room for; it doubles. */
const firstCapacity = 8

interface Columns {
  readonly timestamps: BigUint64Array
  readonly lengths: BigUint64Array
  readonly digests: Uint8Array
  readonly words: Uint32Array
}

/** In one buffer: four of them took four times as long to get. */
function createColumns(capacity: number): Columns {
  const numberBytes = capacity * BigUint64Array.BYTES_PER_ELEMENT
  const hashBytes = capacity * DIGEST_BYTES
  const buffer = new ArrayBuffer(2 * numberBytes + 2 * hashBytes)
  return {
    timestamps: new BigUint64Array(buffer, 0, capacity),
    lengths: new BigUint64Array(buffer, numberBytes, capacity),
    digests: new Uint8Array(buffer, 2 * numberBytes, hashBytes),
    words: new Uint32Array(buffer, 2 * numberBytes + hashBytes, capacity * FINGERPRINT_WORDS),
  }
}

/** Neighbours in the order of places, with their sum. Its rows may be elsewhere: then `rows` is undefined. */
export interface Page {
  /** Never used twice in one store. */
  readonly id: number
  /** No place of the page is less; those of the page before are. */
  readonly low: Place
  /** The stored page whose range holds this one: itself, or the one that it was split from. */
  origin: number
  sum: Sum
  rows: Rows | undefined
}
