/**
 * Writes the WebAssembly of WILLIAM3, `src/william3/wasm-binary.ts`:
 *
 *     node packages/willow/test/william3/william3-module.ts
 *
 * A test builds it again and compares. The two functions are the same compression
 * (BLAKE3 section 2.2) over two kinds of words: `lanes` computes four at a time in the
 * 32-bit lanes of vectors, `blocks` one with 32-bit integers. All rounds are unrolled, so
 * that the permutation of the message costs nothing.
 */
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import * as wasm from './assembler.ts'
import type { Code } from './assembler.ts'

const iv = [
  0xc88f633b, 0x4168fbf2, 0x6ba32583, 0xb0ff1847, 0xac57e47d, 0xa8931330, 0x796a4645, 0x6b28a3ee,
]
/** Address of what every chunk and parent starts from: the vector above, or a key. */
const KEY = 0
const permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
const words = Array.from({ length: 16 }, (_, index) => index)
const eight = words.slice(0, 8)
const four = words.slice(0, 4)

/** How a kind of word is computed with. */
interface Arithmetic {
  readonly add: Code
  readonly xor: Code
  /** Turns the word on the stack to the right. */
  rotate: (bits: number) => Code
  /** Pushes word `index` of the message. */
  message: (index: number) => Code
}

/** The seven rounds over the sixteen state words in the locals from `state` on. */
function rounds(state: number, arithmetic: Arithmetic): Code {
  const { add, xor } = arithmetic
  const turn = (to: number, by: number, bits: number): Code =>
    wasm.sequence(
      wasm.sequence(wasm.get(state + to), wasm.get(state + by), xor),
      wasm.sequence(arithmetic.rotate(bits), wasm.set(state + to)),
    )
  const sum = (to: number, by: number, ...more: Code[]): Code =>
    wasm.sequence(
      wasm.sequence(wasm.get(state + to), wasm.get(state + by), add),
      wasm.sequence(...more, wasm.set(state + to)),
    )
  // Four columns or diagonals are independent: their steps are interleaved, so that the
  // processor has something to do while it waits for one of them.
  const half = (quarters: readonly Quarter[], schedule: readonly number[]): Code => {
    const word = (index: number): Code =>
      wasm.sequence(arithmetic.message(itemOf(schedule, index)), add)
    return wasm.sequence(
      quarters.flatMap(([a, b], i) => sum(a, b, word(2 * i))),
      quarters.flatMap(([a, , , d]) => turn(d, a, 16)),
      quarters.flatMap(([, , c, d]) => sum(c, d)),
      quarters.flatMap(([, b, c]) => turn(b, c, 12)),
      quarters.flatMap(([a, b], i) => sum(a, b, word(2 * i + 1))),
      quarters.flatMap(([a, , , d]) => turn(d, a, 8)),
      quarters.flatMap(([, , c, d]) => sum(c, d)),
      quarters.flatMap(([, b, c]) => turn(b, c, 7)),
    )
  }
  const columns = four.map((i): Quarter => [i, 4 + i, 8 + i, 12 + i])
  const diagonals = four.map((i): Quarter => [
    i,
    4 + ((i + 1) % 4),
    8 + ((i + 2) % 4),
    12 + ((i + 3) % 4),
  ])
  const code: Code[] = []
  let schedule: readonly number[] = words
  for (let round = 0; round < 7; round++) {
    code.push(half(columns, schedule.slice(0, 8)), half(diagonals, schedule.slice(8)))
    schedule = permutation.map((index) => itemOf(schedule, index))
  }
  return code.flat()
}

/** Four words of the state that are mixed with each other. */
type Quarter = readonly [number, number, number, number]

/** The first eight state words of a block become the label so far (BLAKE3 section 2.2). */
function chain(state: number, chaining: number, exclusiveOr: Code): Code {
  return eight.flatMap((i) =>
    wasm.sequence(
      wasm.sequence(wasm.get(state + i), wasm.get(state + 8 + i), exclusiveOr),
      wasm.set(chaining + i),
    ),
  )
}

/** Pushes `flags`, with `first` and, where `isLast` holds, `last`. */
function allFlags(flags: number, first: number, last: number, isLast: Code): Code {
  return wasm.sequence(
    wasm.sequence(wasm.get(flags), wasm.get(first), wasm.or),
    wasm.sequence(wasm.get(last), wasm.constant(0), isLast, wasm.select, wasm.or),
  )
}

const increase = (local: number, by: number): Code =>
  wasm.sequence(wasm.get(local), wasm.constant(by), wasm.add, wasm.set(local))

/**
 * `blocks(input, length, tLow, tHigh, flags, first, last, out)`: the label of one chunk or
 * parent. `first` and `last` are further flags of the first and the last block; what the
 * input lacks of its last block is zero in memory.
 */
function blocks(): wasm.WasmFunction {
  const [input, length, tLow, tHigh, flags, first, last, out] = [0, 1, 2, 3, 4, 5, 6, 7] as const
  const [state, chaining, isLast] = [8, 24, 32] as const
  const integers: Arithmetic = {
    add: wasm.add,
    xor: wasm.xor,
    rotate: (bits) => wasm.sequence(wasm.constant(bits), wasm.rotateRight),
    message: (index) => wasm.sequence(wasm.get(input), wasm.load(4 * index)),
  }
  const set = (index: number, word: Code): Code => wasm.sequence(word, wasm.set(state + index))
  const block = wasm.sequence(
    wasm.sequence(wasm.get(length), wasm.constant(64), wasm.lessOrEqual, wasm.set(isLast)),
    eight.flatMap((i) => set(i, wasm.get(chaining + i))),
    four.flatMap((i) => set(8 + i, wasm.constant(itemOf(iv, i)))),
    set(12, wasm.get(tLow)),
    set(13, wasm.get(tHigh)),
    wasm.sequence(wasm.get(length), wasm.constant(64), wasm.get(isLast), wasm.select),
    wasm.set(state + 14),
    set(15, allFlags(flags, first, last, wasm.get(isLast))),
    rounds(state, integers),
    chain(state, chaining, wasm.xor),
    wasm.sequence(wasm.constant(0), wasm.set(first)),
    increase(input, 64),
    increase(length, -64),
    wasm.sequence(wasm.get(isLast), wasm.constant(0), wasm.equal),
  )
  const body = wasm.sequence(
    eight.flatMap((i) =>
      wasm.sequence(wasm.constant(KEY), wasm.load(4 * i), wasm.set(chaining + i)),
    ),
    wasm.loopWhile(block),
    eight.flatMap((i) => wasm.sequence(wasm.get(out), wasm.get(chaining + i), wasm.store(4 * i))),
  )
  const locals = Array.from({ length: 25 }, () => wasm.i32)
  return { name: 'blocks', parameters: 8, locals, body }
}

/**
 * `lanes(input, stride, count, t, flags, first, last, out)`: the labels of four chunks or
 * parents of `count` whole blocks each, `stride` bytes from one to the next.
 */
function lanes(): wasm.WasmFunction {
  const [input, stride, count, t, flags, first, last, out] = [0, 1, 2, 3, 4, 5, 6, 7] as const
  const inputs = [input, 8, 9, 10]
  const [state, chaining, message, spare] = [11, 27, 35, 51] as const
  const set = (index: number, word: Code): Code =>
    wasm.sequence(word, wasm.vectorSplat, wasm.set(state + index))
  const isLast = wasm.sequence(wasm.get(count), wasm.constant(1), wasm.equal)
  const block = wasm.sequence(
    four.flatMap((part) => {
      const rows = inputs.map((at) => wasm.sequence(wasm.get(at), wasm.vectorLoad(16 * part)))
      return transpose(rows, state, message + 4 * part)
    }),
    eight.flatMap((i) => wasm.sequence(wasm.get(chaining + i), wasm.set(state + i))),
    four.flatMap((i) => set(8 + i, wasm.constant(itemOf(iv, i)))),
    set(12, wasm.get(t)),
    set(13, wasm.constant(0)),
    set(14, wasm.constant(64)),
    set(15, allFlags(flags, first, last, isLast)),
    rounds(state, vectorArithmetic(message, spare)),
    chain(state, chaining, wasm.vectorXor),
    wasm.sequence(wasm.constant(0), wasm.set(first)),
    inputs.flatMap((at) => increase(at, 64)),
    wasm.sequence(wasm.get(count), wasm.constant(1), wasm.subtract, wasm.tee(count)),
  )
  const body = wasm.sequence(
    [1, 2, 3].flatMap((i) =>
      wasm.sequence(
        wasm.sequence(wasm.get(itemOf(inputs, i - 1)), wasm.get(stride), wasm.add),
        wasm.set(itemOf(inputs, i)),
      ),
    ),
    eight.flatMap((i) =>
      wasm.sequence(
        wasm.sequence(wasm.constant(KEY), wasm.load(4 * i), wasm.vectorSplat),
        wasm.set(chaining + i),
      ),
    ),
    wasm.loopWhile(block),
    [0, 1].flatMap((half) => {
      const rows = four.map((i) => wasm.get(chaining + 4 * half + i))
      const write = (i: number): Code =>
        wasm.sequence(wasm.get(out), wasm.get(message + i), wasm.vectorStore(32 * i + 16 * half))
      return wasm.sequence(transpose(rows, state, message), four.flatMap(write))
    }),
  )
  const pointers = Array.from({ length: 3 }, () => wasm.i32)
  const vectors = Array.from({ length: 41 }, () => wasm.v128)
  return { name: 'lanes', parameters: 8, locals: [...pointers, ...vectors], body }
}

/** Words are vectors; the message is in sixteen locals. */
function vectorArithmetic(message: number, spare: number): Arithmetic {
  const swapHalves = [0, 1, 2, 3].flatMap((i) => [2, 3, 0, 1].map((byte) => 4 * i + byte))
  return {
    add: wasm.vectorAdd,
    xor: wasm.vectorXor,
    rotate: (bits) =>
      // 1,580 MiB/s on an AMD EPYC under Node 24, and 1,470 with two shifts here. By 8 bits it
      // is the other way round, 1,400: V8 builds the mask of such a choice anew each time.
      bits === 16
        ? wasm.sequence(wasm.tee(spare), wasm.get(spare), wasm.vectorPick(swapHalves))
        : wasm.sequence(
            wasm.sequence(wasm.tee(spare), wasm.constant(bits), wasm.vectorShiftRight),
            wasm.sequence(wasm.get(spare), wasm.constant(32 - bits), wasm.vectorShiftLeft),
            wasm.vectorOr,
          ),
    message: (index) => wasm.get(message + index),
  }
}

/** The rows of a matrix of four by four words become its columns, in four locals from `to` on. */
function transpose(rows: readonly Code[], spare: number, to: number): Code {
  const row = (i: number): number => spare + i
  const half = (i: number): number => spare + 4 + i
  return wasm.sequence(
    rows.flatMap((code, i) => wasm.sequence(code, wasm.set(row(i)))),
    pick(row(0), row(1), [0, 4, 1, 5], half(0)),
    pick(row(2), row(3), [0, 4, 1, 5], half(1)),
    pick(row(0), row(1), [2, 6, 3, 7], half(2)),
    pick(row(2), row(3), [2, 6, 3, 7], half(3)),
    pick(half(0), half(1), [0, 1, 4, 5], to),
    pick(half(0), half(1), [2, 3, 6, 7], to + 1),
    pick(half(2), half(3), [0, 1, 4, 5], to + 2),
    pick(half(2), half(3), [2, 3, 6, 7], to + 3),
  )
}

/** Four words of the vectors `a` and `b`, counted through both. */
function pick(a: number, b: number, chosen: readonly number[], into: number): Code {
  const bytes = chosen.flatMap((word) => four.map((byte) => 4 * word + byte))
  return wasm.sequence(wasm.get(a), wasm.get(b), wasm.vectorPick(bytes), wasm.set(into))
}

function itemOf(items: readonly number[], index: number): number {
  return items[index] ?? Number.NaN
}

/** The module that `src/william3/wasm-binary.ts` holds. */
export function william3Module(): Uint8Array<ArrayBuffer> {
  const data = iv.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff))
  return wasm.assembleModule({ pages: 1, data, functions: [lanes(), blocks()] })
}

/** The text of `src/william3/wasm-binary.ts`. */
export function wasmBinarySource(): string {
  const base64 = Buffer.from(william3Module()).toString('base64')
  return `/** Written by \`node packages/willow/test/william3/william3-module.ts\`; a test builds it again. */

/** The WebAssembly of WILLIAM3 in base64. Needs SIMD; exports \`memory\`, \`lanes\` and \`blocks\`. */
export const wasmBase64: string =
  '${base64}'
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../../src/william3/wasm-binary.ts', import.meta.url), wasmBinarySource())
}
