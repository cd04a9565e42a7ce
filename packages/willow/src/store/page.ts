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
  #timestamps: BigUint64Array = new BigUint64Array(firstCapacity)
  #lengths: BigUint64Array = new BigUint64Array(firstCapacity)
  #digests: Uint8Array = new Uint8Array(firstCapacity * DIGEST_BYTES)
  #words: Uint32Array = new Uint32Array(firstCapacity * FINGERPRINT_WORDS)

  get length(): number {
    return this.places.length
  }

  timestampAt(index: number): bigint {
    return this.#timestamps[index] ?? 0n
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
        (this.#digests[index * DIGEST_BYTES + at] ?? 0) - (other.payloadDigest[at] ?? 0)
      if (difference !== 0) return difference
    }
    const length = this.#lengths[index] ?? 0n
    if (length === other.payloadLength) return 0
    return length < other.payloadLength ? -1 : 1
  }

  /** Adds the row at `index` to a sum. */
  addTo(sum: Sum, index: number): void {
    const length = this.#lengths[index] ?? 0n
    sum.add(this.#words, index * FINGERPRINT_WORDS, this.timestampAt(index), length)
  }

  /** Takes the row at `index` out of a sum; tells whether its bounds must be found anew. */
  subtractFrom(sum: Sum, index: number): boolean {
    const length = this.#lengths[index] ?? 0n
    return sum.subtract(this.#words, index * FINGERPRINT_WORDS, this.timestampAt(index), length)
  }

  insert(index: number, row: Row): void {
    const count = this.places.length
    if (count === this.#timestamps.length) this.#grow()
    this.#timestamps.copyWithin(index + 1, index, count)
    this.#lengths.copyWithin(index + 1, index, count)
    this.#digests.copyWithin((index + 1) * DIGEST_BYTES, index * DIGEST_BYTES, count * DIGEST_BYTES)
    const words = index * FINGERPRINT_WORDS
    this.#words.copyWithin(words + FINGERPRINT_WORDS, words, count * FINGERPRINT_WORDS)
    this.places.splice(index, 0, row.place)
    this.#timestamps[index] = row.timestamp
    this.#lengths[index] = row.payloadLength
    this.#digests.set(row.payloadDigest, index * DIGEST_BYTES)
    fingerprintToWords(row.fingerprint, this.#words, words)
  }

  remove(index: number): void {
    this.places.splice(index, 1)
    this.#timestamps.copyWithin(index, index + 1)
    this.#lengths.copyWithin(index, index + 1)
    this.#digests.copyWithin(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
    this.#words.copyWithin(index * FINGERPRINT_WORDS, (index + 1) * FINGERPRINT_WORDS)
  }

  /** Moves the rows from `index` on into a page of their own. */
  splitOff(index: number): Rows {
    const rest = new Rows()
    while (rest.#timestamps.length < this.places.length - index) rest.#grow()
    rest.places.push(...this.places.splice(index))
    rest.#timestamps.set(this.#timestamps.subarray(index, index + rest.length))
    rest.#lengths.set(this.#lengths.subarray(index, index + rest.length))
    const end = index + rest.length
    rest.#digests.set(this.#digests.subarray(index * DIGEST_BYTES, end * DIGEST_BYTES))
    rest.#words.set(this.#words.subarray(index * FINGERPRINT_WORDS, end * FINGERPRINT_WORDS))
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
    const capacity = this.#timestamps.length * 2
    this.#timestamps = grown(this.#timestamps, new BigUint64Array(capacity))
    this.#lengths = grown(this.#lengths, new BigUint64Array(capacity))
    this.#digests = grown(this.#digests, new Uint8Array(capacity * DIGEST_BYTES))
    this.#words = grown(this.#words, new Uint32Array(capacity * FINGERPRINT_WORDS))
  }
}

/** Rows that a new page has room for; it doubles. */
const firstCapacity = 8

function grown<Column extends { set(other: Column): void }>(old: Column, larger: Column): Column {
  larger.set(old)
  return larger
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
