/**
 * WILLIAM3 as the specification writes it: recursive, word by word and slow. What is tested
 * must agree with it, so nothing here is shared with the sources.
 */

const initial = [
  0xc88f633b, 0x4168fbf2, 0x6ba32583, 0xb0ff1847, 0xac57e47d, 0xa8931330, 0x796a4645, 0x6b28a3ee,
]
const permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
type Quarter = readonly [number, number, number, number]
const quarters: readonly Quarter[] = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
]

/** The digest of `message`. */
export function referenceWilliam3(message: Uint8Array, key?: Uint8Array): Uint8Array {
  if (key === undefined) return bytesOf(label(message, { start: initial, ...flags(0, 0) }))
  return bytesOf(label(message, { start: wordsOf(key), ...flags(16, 16) }))
}

/** The keyed digest by bab_rs 0.8.1, which leaves the flag of the keyed mode out of parents. */
export function keyedByBabRs(message: Uint8Array, key: Uint8Array): Uint8Array {
  return bytesOf(label(message, { start: wordsOf(key), ...flags(16, 0) }))
}

function flags(mode: number, parentMode: number): Omit<Position, 'start'> {
  return { mode, parentMode, root: 8 }
}

interface Position {
  readonly start: readonly number[]
  /** Flag of the keyed mode in chunks. */
  readonly mode: number
  /** The same in parents. */
  readonly parentMode: number
  readonly root: number
}

function label(bytes: Uint8Array, position: Position): readonly number[] {
  const { start, parentMode, root } = position
  if (bytes.length <= 1024) return chunk(bytes, position)
  const chunks = Math.ceil(bytes.length / 1024)
  let left = 1
  while (2 * left < chunks) left *= 2
  const halves = [bytes.subarray(0, left * 1024), bytes.subarray(left * 1024)]
  const block = halves.flatMap((half) => [...label(half, { ...position, root: 0 })])
  return compress(start, block, [bytes.length, 0, 64, parentMode | 4 | root])
}

function chunk(bytes: Uint8Array, { start, mode, root }: Position): readonly number[] {
  let value = start
  const count = Math.max(1, Math.ceil(bytes.length / 64))
  for (let index = 0; index < count; index++) {
    const block = bytes.subarray(64 * index, 64 * index + 64)
    const padded = new Uint8Array(64)
    padded.set(block)
    const all = mode | (index === 0 ? 1 : 0) | (index === count - 1 ? 2 | root : 0)
    value = compress(value, wordsOf(padded), [0, 0, block.length, all])
  }
  return value
}

function compress(
  value: readonly number[],
  block: readonly number[],
  last: readonly number[],
): readonly number[] {
  const v = [...value, ...initial.slice(0, 4), ...last]
  let m = block
  for (let round = 0; round < 7; round++) {
    quarters.forEach((quarter, index) => {
      mix(v, quarter, [at(m, 2 * index), 16, 12])
      mix(v, quarter, [at(m, 2 * index + 1), 8, 7])
    })
    m = permutation.map((index) => at(m, index))
  }
  return value.map((_, index) => at(v, index) ^ at(v, index + 8))
}

function mix(
  v: number[],
  [a, b, c, d]: Quarter,
  [x, first, second]: readonly [number, number, number],
): void {
  v[a] = (at(v, a) + at(v, b) + x) | 0
  v[d] = turn(at(v, d) ^ at(v, a), first)
  v[c] = (at(v, c) + at(v, d)) | 0
  v[b] = turn(at(v, b) ^ at(v, c), second)
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits))
}

function at(items: readonly number[], index: number): number {
  return items[index] ?? Number.NaN
}

function wordsOf(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getInt32(4 * index, true))
}

function bytesOf(words: readonly number[]): Uint8Array {
  return Uint8Array.from(
    words.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 255)),
  )
}
