/**
 * Deflates (RFC 1951) in plain JavaScript, in one turn. Each block has the codes that make it
 * smaller: its own, or the fixed ones. None is stored as it is: whoever sends looks whether it gained.
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
import { codeLengths } from './huffman.ts'
import { tokensOf } from './matches.ts'

const TOKENS_PER_BLOCK = 16_384
const WINDOW = 32_768

/** @param dictionary - What the reader knows; only the last 32 KiB count. */
export function deflate(bytes: Uint8Array, dictionary: Uint8Array = new Uint8Array()): Uint8Array {
  const known = dictionary.subarray(-WINDOW)
  const all = new Uint8Array(known.length + bytes.length)
  all.set(known)
  all.set(bytes, known.length)
  const tokens = tokensOf(all, known.length)
  // With fixed codes, which bound it, no byte takes more than nine bits.
  const writer = new BitWriter(bytes.length + (bytes.length >>> 2) + 64)
  for (let at = 0; at === 0 || at < tokens.length; at += TOKENS_PER_BLOCK) {
    const isLast = at + TOKENS_PER_BLOCK >= tokens.length
    writeBlock(writer, tokens.subarray(at, at + TOKENS_PER_BLOCK), isLast)
  }
  return writer.finish()
}

class BitWriter {
  readonly #bytes: Uint8Array
  #length = 0
  #bits = 0
  #bitCount = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
  }

  /** At most 16 bits, the lowest first. */
  write(value: number, count: number): void {
    this.#bits |= value << this.#bitCount
    this.#bitCount += count
    while (this.#bitCount >= 8) {
      this.#bytes[this.#length++] = this.#bits & 255
      this.#bits >>>= 8
      this.#bitCount -= 8
    }
  }

  finish(): Uint8Array {
    this.write(0, (8 - this.#bitCount) & 7)
    return this.#bytes.slice(0, this.#length)
  }
}

/** Lengths of codes: of literals and lengths, and of distances. */
type Codes = readonly [Uint8Array, Uint8Array]

function writeBlock(writer: BitWriter, tokens: Uint32Array, isLast: boolean): void {
  const counts = countsOf(tokens)
  const own: Codes = [codeLengths(counts[0], 15), codeLengths(counts[1], 15)]
  const header = new BlockHeader(own)
  const isFixed = sizeOf(counts, fixed) <= sizeOf(counts, own) + header.bits
  writer.write(isLast ? 1 : 0, 1)
  writer.write(isFixed ? 1 : 2, 2)
  if (!isFixed) header.writeTo(writer)
  writeTokens(writer, tokens, isFixed ? fixed : own)
}

const fixed: Codes = [fixedLengthBits, fixedDistanceBits]

function increase(counts: Uint32Array, symbol: number): void {
  counts[symbol] = (counts[symbol] ?? 0) + 1
}

/** How often each symbol comes. */
function countsOf(tokens: Uint32Array): readonly [Uint32Array, Uint32Array] {
  const [lengths, distances] = [new Uint32Array(286), new Uint32Array(30)]
  for (const token of tokens) {
    if (token < 256) increase(lengths, token)
    else {
      increase(lengths, 257 + (lengthSymbols[token >>> 16] ?? 0))
      increase(distances, distanceSymbol(token & 65_535))
    }
  }
  increase(lengths, END_OF_BLOCK)
  return [lengths, distances]
}

/** Bits of all symbols, without those behind them, which are the same with any codes. */
function sizeOf(counts: readonly [Uint32Array, Uint32Array], codes: Codes): number {
  let bits = 0
  for (const [at, one] of counts.entries()) {
    for (const [symbol, count] of one.entries()) bits += count * (codes[at]?.[symbol] ?? 0)
  }
  return bits
}

function writeTokens(writer: BitWriter, tokens: Uint32Array, [forLengths, far]: Codes): void {
  const [lengthCodes, distanceCodes] = [codesOf(forLengths), codesOf(far)]
  const write = (codes: Uint16Array, bits: Uint8Array, symbol: number): void =>
    writer.write(codes[symbol] ?? 0, bits[symbol] ?? 0)
  for (const token of tokens) {
    if (token < 256) {
      write(lengthCodes, forLengths, token)
      continue
    }
    const [length, distance] = [token >>> 16, token & 65_535]
    const [symbol, place] = [lengthSymbols[length] ?? 0, distanceSymbol(distance)]
    write(lengthCodes, forLengths, 257 + symbol)
    writer.write(length - (lengthBases[symbol] ?? 0), lengthBits[symbol] ?? 0)
    write(distanceCodes, far, place)
    writer.write(distance - (distanceBases[place] ?? 0), distanceBits[place] ?? 0)
  }
  write(lengthCodes, forLengths, END_OF_BLOCK)
}

/** The codes of an alphabet, in the order in which bits are written (section 3.2.2). */
function codesOf(bits: Uint8Array): Uint16Array {
  const counts = new Uint16Array(17)
  for (const length of bits) if (length > 0) counts[length] = (counts[length] ?? 0) + 1
  const next = new Uint16Array(17)
  for (let length = 1; length < 16; length++) {
    next[length + 1] = ((next[length] ?? 0) + (counts[length] ?? 0)) << 1
  }
  return Uint16Array.from(bits, (length) => {
    const code = next[length] ?? 0
    next[length] = code + 1
    return reversedBits(code, length)
  })
}

/** The codes that a block brings along (section 3.2.7). */
class BlockHeader {
  /** Its size. */
  readonly bits: number
  readonly #lengthCount: number
  readonly #distanceCount: number
  /** Symbols of code lengths; a run with its length in the bits above. */
  readonly #runs: readonly number[]
  readonly #lengths: Uint8Array
  readonly #orderCount: number

  constructor([lengths, distances]: Codes) {
    this.#lengthCount = Math.max(257, used(lengths))
    this.#distanceCount = Math.max(1, used(distances))
    this.#runs = runsOf([
      ...lengths.subarray(0, this.#lengthCount),
      ...distances.subarray(0, this.#distanceCount),
    ])
    const counts = new Uint32Array(19)
    for (const run of this.#runs) counts[run & 31] = (counts[run & 31] ?? 0) + 1
    this.#lengths = codeLengths(counts, 7)
    this.#orderCount = Math.max(4, used(codeLengthOrder.map((place) => this.#lengths[place] ?? 0)))
    const ofRuns = this.#runs.map((run) => (this.#lengths[run & 31] ?? 0) + runBits(run & 31))
    this.bits = 14 + 3 * this.#orderCount + ofRuns.reduce((sum, bits) => sum + bits, 0)
  }

  writeTo(writer: BitWriter): void {
    writer.write(this.#lengthCount - 257, 5)
    writer.write(this.#distanceCount - 1, 5)
    writer.write(this.#orderCount - 4, 4)
    const places = codeLengthOrder.subarray(0, this.#orderCount)
    for (const place of places) writer.write(this.#lengths[place] ?? 0, 3)
    const codes = codesOf(this.#lengths)
    for (const run of this.#runs) {
      const symbol = run & 31
      writer.write(codes[symbol] ?? 0, this.#lengths[symbol] ?? 0)
      writer.write(run >>> 5, runBits(symbol))
    }
  }
}

function used(lengths: Uint8Array): number {
  return lengths.findLastIndex((length) => length > 0) + 1
}

function runBits(symbol: number): number {
  return symbol < 16 ? 0 : symbol === 16 ? 2 : symbol === 17 ? 3 : 7
}

/** Lengths of codes, equal ones in a row together: symbol 16 repeats the one before, 17 and 18 are rows of 0. */
function runsOf(lengths: readonly number[]): number[] {
  const runs: number[] = []
  for (let at = 0; at < lengths.length;) {
    const length = lengths[at] ?? 0
    let count = 1
    while (lengths[at + count] === length && count < 138) count += 1
    if (length === 0 && count >= 3) {
      runs.push(count < 11 ? 17 | ((count - 3) << 5) : 18 | ((count - 11) << 5))
      at += count
      continue
    }
    runs.push(length)
    const repeated = Math.min(6, count - 1)
    if (repeated >= 3) runs.push(16 | ((repeated - 3) << 5))
    at += repeated >= 3 ? 1 + repeated : 1
  }
  return runs
}

/** By length: the symbol, from 0 on. */
const lengthSymbols: Uint8Array = Uint8Array.from({ length: 259 }, (_, length) =>
  Math.max(
    0,
    lengthBases.findLastIndex((base) => base <= length),
  ),
)

/** Two symbols for each power of two. */
function distanceSymbol(distance: number): number {
  if (distance < 5) return distance - 1
  const power = 30 - Math.clz32(distance - 1)
  return 2 * power + 2 + (((distance - 1) >>> power) & 1)
}
