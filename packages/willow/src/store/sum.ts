/** What a page, a group of pages and a range know about their entries without looking at them. */
import type { Summary } from './store.ts'

/** Words of a fingerprint, 32 bits each, the least significant first. */
export const FINGERPRINT_WORDS = 8

/** Summed fingerprints and lengths, and the bounds of the timestamps. */
export class Sum {
  count = 0
  payloadBytes = 0n
  /** Modulo 2^256. */
  readonly words: Uint32Array = new Uint32Array(FINGERPRINT_WORDS)
  /** Of no meaning while `count` is 0. */
  minTimestamp = 0n
  maxTimestamp = 0n

  /** Takes in another set. */
  addSum(other: Sum): void {
    if (other.count === 0) return
    addWords(this.words, other.words, 0)
    this.payloadBytes += other.payloadBytes
    this.#stretch(other.minTimestamp, other.maxTimestamp)
    this.count += other.count
  }

  /** Takes in one entry, whose fingerprint is at `at` of `words`. */
  add(words: Uint32Array, at: number, timestamp: bigint, payloadLength: bigint): void {
    addWords(this.words, words, at)
    this.payloadBytes += payloadLength
    this.#stretch(timestamp, timestamp)
    this.count += 1
  }

  /** Undoes {@link add}; tells whether the bounds of the timestamps must be found anew. */
  subtract(words: Uint32Array, at: number, timestamp: bigint, payloadLength: bigint): boolean {
    subtractWords(this.words, words, at)
    this.payloadBytes -= payloadLength
    this.count -= 1
    return timestamp === this.minTimestamp || timestamp === this.maxTimestamp
  }

  /** Replaces the bounds. */
  bound(minTimestamp: bigint, maxTimestamp: bigint): void {
    this.minTimestamp = minTimestamp
    this.maxTimestamp = maxTimestamp
  }

  /** As the interface of the store gives it. */
  toSummary(): Summary {
    const isEmpty = this.count === 0
    return {
      count: this.count,
      fingerprint: wordsToFingerprint(this.words),
      payloadBytes: this.payloadBytes,
      minTimestamp: isEmpty ? undefined : this.minTimestamp,
      maxTimestamp: isEmpty ? undefined : this.maxTimestamp,
    }
  }

  #stretch(min: bigint, max: bigint): void {
    if (this.count === 0 || min < this.minTimestamp) this.minTimestamp = min
    if (this.count === 0 || max > this.maxTimestamp) this.maxTimestamp = max
  }
}

/** Adds 256 bits at `at` of `source` to `target`, modulo 2^256. */
export function addWords(target: Uint32Array, source: Uint32Array, at: number): void {
  let carry = 0
  for (let word = 0; word < FINGERPRINT_WORDS; word++) {
    const sum = (target[word] ?? 0) + (source[at + word] ?? 0) + carry
    target[word] = sum
    carry = sum > 0xffff_ffff ? 1 : 0
  }
}

function subtractWords(target: Uint32Array, source: Uint32Array, at: number): void {
  let borrow = 0
  for (let word = 0; word < FINGERPRINT_WORDS; word++) {
    const difference = (target[word] ?? 0) - (source[at + word] ?? 0) - borrow
    target[word] = difference
    borrow = difference < 0 ? 1 : 0
  }
}

/** The words of 32 big-endian bytes, put at `at` of `target`. */
export function fingerprintToWords(bytes: Uint8Array, target: Uint32Array, at: number): void {
  for (let word = 0; word < FINGERPRINT_WORDS; word++) {
    const from = (FINGERPRINT_WORDS - 1 - word) * 4
    // Shifted by 24 the first byte may become negative; the array takes it modulo 2^32.
    target[at + word] =
      ((bytes[from] ?? 0) << 24) |
      ((bytes[from + 1] ?? 0) << 16) |
      ((bytes[from + 2] ?? 0) << 8) |
      (bytes[from + 3] ?? 0)
  }
}

/** 32 bytes in a new buffer: the fingerprint of the first eight words, big-endian as all integers of Willow'25. */
export function wordsToFingerprint(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(FINGERPRINT_WORDS * 4)
  const view = new DataView(bytes.buffer)
  for (let word = 0; word < FINGERPRINT_WORDS; word++) {
    view.setUint32((FINGERPRINT_WORDS - 1 - word) * 4, words[word] ?? 0)
  }
  return bytes
}
