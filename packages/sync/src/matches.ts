/** Finds what repeats (RFC 1951, section 4): literals and matches, as DEFLATE writes them. */

/** A literal is its byte; a match is its length, shifted by 16 bits, and its distance. */
export type Token = number

const WINDOW = 32_768
const MIN_LENGTH = 3
const MAX_LENGTH = 258
/** Places that are looked at for one match; more find little. */
const MAX_TRIES = 48
/** A match of this length is not improved upon. */
const GOOD_LENGTH = 64
/** A match of three bytes farther away costs more than they do. */
const MAX_SHORT_DISTANCE = 4_096

/** @param start - What lies before is known to the reader, and only referred to. */
export function tokensOf(bytes: Uint8Array, start: number): Uint32Array {
  const finder = new Finder(bytes)
  const tokens = new Uint32Array(bytes.length - start)
  let count = 0
  for (let at = Math.max(0, start - WINDOW); at < start; at++) finder.add(at)
  let found = finder.find(start)
  for (let at = start; at < bytes.length;) {
    finder.add(at)
    // A longer match one byte later is worth a literal.
    const isTried = found >>> 16 < GOOD_LENGTH
    const next = isTried ? finder.find(at + 1) : 0
    if (found === 0 || next >>> 16 > found >>> 16) {
      tokens[count++] = bytes[at] ?? 0
      found = next
      at += 1
      continue
    }
    tokens[count++] = found
    const end = at + (found >>> 16)
    for (let passed = at + 1; passed < end; passed++) finder.add(passed)
    found = finder.find(end)
    at = end
  }
  return tokens.subarray(0, count)
}

/** Chains of places at which the same three bytes stand. */
class Finder {
  readonly #bytes: Uint8Array
  readonly #shift: number
  /** The last place of each hash, plus 1. */
  readonly #heads: Int32Array
  /** The place before, plus 1, of each place. */
  readonly #before: Int32Array

  constructor(bytes: Uint8Array) {
    const bits = Math.min(15, Math.max(8, 32 - Math.clz32(bytes.length)))
    this.#bytes = bytes
    this.#shift = 32 - bits
    this.#heads = new Int32Array(1 << bits)
    this.#before = new Int32Array(bytes.length)
  }

  #hash(at: number): number {
    const bytes = this.#bytes
    const three = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)
    return Math.imul(three, 0x9e37_79b1) >>> this.#shift
  }

  add(at: number): void {
    const hash = this.#hash(at)
    this.#before[at] = this.#heads[hash] ?? 0
    this.#heads[hash] = at + 1
  }

  /** The longest match for what begins at a place; 0 for none. */
  find(at: number): Token {
    const bytes = this.#bytes
    const most = Math.min(MAX_LENGTH, bytes.length - at)
    if (most < MIN_LENGTH) return 0
    let [length, distance] = [MIN_LENGTH - 1, 0]
    let place = (this.#heads[this.#hash(at)] ?? 0) - 1
    for (let tries = MAX_TRIES; place >= 0 && at - place <= WINDOW && tries > 0; tries--) {
      if (bytes[place + length] === bytes[at + length]) {
        let same = 0
        while (same < most && bytes[place + same] === bytes[at + same]) same += 1
        if (same > length) [length, distance] = [same, at - place]
        if (same === most) break
      }
      place = (this.#before[place] ?? 0) - 1
    }
    const isWorth = length > MIN_LENGTH || distance <= MAX_SHORT_DISTANCE
    return distance > 0 && length >= MIN_LENGTH && isWorth ? (length << 16) | distance : 0
  }
}
