/**
 * Inflates DEFLATE (RFC 1951) in plain JavaScript, in one turn and no further than it may.
 *
 * Refuses what zlib refuses, incomplete and over-full code sets among it, so that a browser
 * and Node take the same bytes. A code of up to 9 bits is looked up; a longer one is
 * found by counting (RFC 1951, section 3.2.2), so that many small blocks cost no large tables.
 */
import {
  codeLengthOrder,
  distanceBases,
  distanceBits,
  END_OF_BLOCK,
  fixedDistanceBits,
  fixedLengthBits,
  lengthBases,
  lengthBits,
  reversedBits,
} from './deflate-codes.ts'
import type { InflateInit } from './zlib.ts'

const MAX_CODE_BITS = 15
const QUICK_BITS = 9

/** Codes of one alphabet. */
interface Codes {
  /** How many codes of each length. */
  readonly counts: Uint16Array
  /** By length, then by value. */
  readonly symbols: Uint16Array
  /** By the next bits, as many as the longest code has and at most 9: symbol and length (4 bits); 0 for longer ones, and for none. */
  readonly quick: Uint16Array
}

/** @throws `Error` for damaged bytes, and when they make more than `maxBytes`. */
export function inflate(bytes: Uint8Array, init: InflateInit): Uint8Array {
  return new Inflation(bytes, init).run()
}

class Inflation {
  readonly #bytes: Uint8Array
  readonly #maxBytes: number
  readonly #dictionary: Uint8Array
  #at = 0
  /** Bits that were taken from the bytes, and not read yet: the next one is the lowest. */
  #bits = 0
  #bitCount = 0
  #out: Uint8Array
  #length = 0

  constructor(bytes: Uint8Array, { maxBytes, dictionary = new Uint8Array() }: InflateInit) {
    this.#bytes = bytes
    this.#maxBytes = maxBytes
    this.#dictionary = dictionary
    this.#out = new Uint8Array(Math.min(maxBytes, Math.max(512, 4 * bytes.length)))
  }

  run(): Uint8Array {
    for (let isLast = false; !isLast;) {
      isLast = this.#read(1) === 1
      this.#block(this.#read(2))
    }
    return this.#length === this.#out.length ? this.#out : this.#out.slice(0, this.#length)
  }

  #block(type: number): void {
    if (type === 0) this.#copyStored()
    else if (type === 1) this.#symbols(fixedLengths, fixedDistances)
    else if (type === 2) this.#dynamic()
    else throw new Error('a block of an unknown type')
  }

  /** Takes bytes until so many bits are there, or none is left. */
  #fill(count: number): void {
    while (this.#bitCount < count) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) return
      this.#at += 1
      this.#bits |= byte << this.#bitCount
      this.#bitCount += 8
    }
  }

  #drop(count: number): void {
    if (count > this.#bitCount) throw new Error('the bytes end in the middle')
    this.#bits >>>= count
    this.#bitCount -= count
  }

  /** At most 16 bits. */
  #read(count: number): number {
    this.#fill(count)
    const value = this.#bits & ((1 << count) - 1)
    this.#drop(count)
    return value
  }

  /** One symbol of an alphabet. */
  #decode({ quick, counts, symbols }: Codes): number {
    this.#fill(MAX_CODE_BITS)
    const found = quick[this.#bits & (quick.length - 1)] ?? 0
    if (found > 0) {
      this.#drop(found & 15)
      return found >>> 4
    }
    let [code, first, index] = [0, 0, 0]
    for (let length = 1; length <= MAX_CODE_BITS; length++) {
      code |= (this.#bits >>> (length - 1)) & 1
      const count = counts[length] ?? 0
      if (code - count < first) {
        this.#drop(length)
        return symbols[index + code - first] ?? 0
      }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw new Error('a code that nothing has')
  }

  #copyStored(): void {
    this.#drop(this.#bitCount & 7)
    const length = this.#read(16)
    if (this.#read(16) !== (length ^ 0xffff)) throw new Error('a stored block of two lengths')
    const stored = this.#bytes.subarray(this.#at, this.#at + length)
    if (stored.length < length) throw new Error('the bytes end in the middle')
    this.#reserve(length)
    this.#out.set(stored, this.#length)
    this.#length += length
    this.#at += length
  }

  /** A block that brings its codes along (section 3.2.7). */
  #dynamic(): void {
    const lengthCount = this.#read(5) + 257
    const distanceCount = this.#read(5) + 1
    if (lengthCount > 286 || distanceCount > 30) throw new Error('more symbols than there are')
    const order = new Uint8Array(codeLengthOrder.length)
    for (const place of codeLengthOrder.subarray(0, this.#read(4) + 4)) order[place] = this.#read(3)
    const bits = this.#codeLengths(codesOf(order, 'whole'), lengthCount + distanceCount)
    if (bits[END_OF_BLOCK] === 0) throw new Error('a block that cannot end')
    const lengths = codesOf(bits.subarray(0, lengthCount), 'may be one')
    this.#symbols(lengths, codesOf(bits.subarray(lengthCount), 'may be one'))
  }

  #codeLengths(codes: Codes, count: number): Uint8Array {
    const bits = new Uint8Array(count)
    for (let at = 0; at < count;) {
      const symbol = this.#decode(codes)
      if (symbol < 16) {
        bits[at++] = symbol
        continue
      }
      if (symbol === 16 && at === 0) throw new Error('nothing there to be repeated')
      const value = symbol === 16 ? (bits[at - 1] ?? 0) : 0
      const times = symbol === 18 ? 11 + this.#read(7) : 3 + this.#read(symbol === 16 ? 2 : 3)
      if (at + times > count) throw new Error('more lengths than symbols')
      bits.fill(value, at, (at += times))
    }
    return bits
  }

  #symbols(lengths: Codes, distances: Codes): void {
    for (let symbol = this.#decode(lengths); symbol !== END_OF_BLOCK;) {
      if (symbol < END_OF_BLOCK) {
        this.#reserve(1)
        this.#out[this.#length++] = symbol
      } else this.#repeat(symbol - 257, distances)
      symbol = this.#decode(lengths)
    }
  }

  #repeat(symbol: number, distances: Codes): void {
    const base = lengthBases[symbol]
    if (base === undefined) throw new Error('a length that there is not')
    const length = base + this.#read(lengthBits[symbol] ?? 0)
    const code = this.#decode(distances)
    const far = distanceBases[code]
    if (far === undefined) throw new Error('a distance that there is not')
    const distance = far + this.#read(distanceBits[code] ?? 0)
    this.#reserve(length)
    const end = this.#length + length
    // What lies before the first byte is the dictionary's.
    for (let from = this.#length - distance; from < 0 && this.#length < end; from++) {
      const known = this.#dictionary[this.#dictionary.length + from]
      if (known === undefined) throw new Error('a distance that goes too far back')
      this.#out[this.#length++] = known
    }
    const out = this.#out
    for (let at = this.#length; at < end; at++) out[at] = out[at - distance] ?? 0
    this.#length = end
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#out.length) return
    if (needed > this.#maxBytes) throw new RangeError(`more than ${this.#maxBytes} bytes come out`)
    const larger = new Uint8Array(Math.min(this.#maxBytes, Math.max(needed, 2 * this.#out.length)))
    larger.set(this.#out)
    this.#out = larger
  }
}

/** The codes of an alphabet from their lengths. A set must be full; one code of one bit, or none, is allowed where `kind` says so. */
function codesOf(bits: Uint8Array, kind: 'whole' | 'may be one'): Codes {
  const counts = new Uint16Array(MAX_CODE_BITS + 1)
  // Counted, as below: small blocks cost several times as much with iterators.
  for (let symbol = 0; symbol < bits.length; symbol++) {
    const length = bits[symbol] ?? 0
    if (length > 0) counts[length] = (counts[length] ?? 0) + 1
  }
  const longest = assertFull(counts, kind)
  const next = new Uint16Array(MAX_CODE_BITS + 2)
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    next[length + 1] = (next[length] ?? 0) + (counts[length] ?? 0)
  }
  const symbols = new Uint16Array(next[MAX_CODE_BITS + 1] ?? 0)
  for (let symbol = 0; symbol < bits.length; symbol++) {
    const length = bits[symbol] ?? 0
    if (length === 0) continue
    const at = next[length] ?? 0
    symbols[at] = symbol
    next[length] = at + 1
  }
  return { counts, symbols, quick: quickOf(counts, symbols, Math.min(longest, QUICK_BITS)) }
}

/** @returns bits of the longest code; 0 when there is none. */
function assertFull(counts: Uint16Array, kind: 'whole' | 'may be one'): number {
  let left = 1
  let longest = 0
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    const count = counts[length] ?? 0
    if (count > 0) longest = length
    left = 2 * left - count
    if (left < 0) throw new Error('more codes than there is room for')
  }
  const mayLack = longest === 0 || (kind === 'may be one' && longest === 1)
  if (left > 0 && !mayLack) throw new Error('codes are missing')
  return longest
}

/** Codes come with their highest bit first, and bits are looked up with the first as the lowest. */
function quickOf(counts: Uint16Array, symbols: Uint16Array, bits: number): Uint16Array {
  const quick = new Uint16Array(1 << bits)
  let [code, index] = [0, 0]
  for (let length = 1; length <= bits; length++) {
    for (let left = counts[length] ?? 0; left > 0; left--) {
      const entry = ((symbols[index++] ?? 0) << 4) | length
      const step = 1 << length
      for (let at = reversedBits(code++, length); at < quick.length; at += step) quick[at] = entry
    }
    code <<= 1
  }
  return quick
}

const fixedLengths: Codes = codesOf(fixedLengthBits, 'whole')
const fixedDistances: Codes = codesOf(fixedDistanceBits, 'whole')
