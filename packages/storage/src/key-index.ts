/**
 * The keys of an encrypted store, in memory and in order: on the disk they have none.
 *
 * Keys are texts of one character per byte, which compare as the bytes do and take half
 * the memory of byte arrays. They lie in blocks that are replaced and never changed, so
 * a walk keeps the keys of its beginning for nothing, however long it takes.
 */
import type { DatabaseRange } from './keys.ts'

/** Keys of a block before it is cut in two: copying it takes half a microsecond, and a million keys have 3,000 of them. */
const maxBlockKeys = 512

/** One character per byte. */
export type KeyText = string

type Block = readonly KeyText[]

/** A sorted set of keys. */
export class KeyIndex {
  #blocks: Block[]
  /** Somebody walks over the blocks: the next change is one of a copy. */
  #isShared = false
  #size: number

  /** @param keys - Each once, in any order; taken over. */
  constructor(keys: KeyText[] = []) {
    keys.sort(compare)
    this.#size = keys.length
    this.#blocks = []
    // Half full: there is room for more without cutting every block in two.
    for (let at = 0; at < keys.length; at += maxBlockKeys / 2) {
      this.#blocks.push(keys.slice(at, at + maxBlockKeys / 2))
    }
  }

  get size(): number {
    return this.#size
  }

  has(key: KeyText): boolean {
    const block = this.#blocks[firstBlockUpTo(this.#blocks, key)]
    return block !== undefined && block[firstUpTo(block, key)] === key
  }

  add(key: KeyText): void {
    const at = Math.max(0, Math.min(firstBlockUpTo(this.#blocks, key), this.#blocks.length - 1))
    const block = this.#blocks[at] ?? []
    const place = firstUpTo(block, key)
    if (block[place] === key) return
    const grown = block.toSpliced(place, 0, key)
    const half = maxBlockKeys / 2
    this.#replace(
      at,
      grown.length <= maxBlockKeys ? [grown] : [grown.slice(0, half), grown.slice(half)],
    )
    this.#size += 1
  }

  delete(key: KeyText): void {
    const at = firstBlockUpTo(this.#blocks, key)
    const block = this.#blocks[at]
    if (block === undefined) return
    const place = firstUpTo(block, key)
    if (block[place] !== key) return
    this.#replace(at, block.length === 1 ? [] : [block.toSpliced(place, 1)])
    this.#size -= 1
  }

  /** The keys of `range` as they are now, first or last one first, however the index changes meanwhile. */
  walk(range: DatabaseRange, isReverse: boolean): Iterator<KeyText, undefined> {
    this.#isShared = true
    return isReverse ? backwards(this.#blocks, range) : forwards(this.#blocks, range)
  }

  #replace(at: number, blocks: readonly Block[]): void {
    if (this.#isShared) this.#blocks = [...this.#blocks]
    this.#isShared = false
    this.#blocks.splice(at, 1, ...blocks)
  }
}

/** The text of a key. */
export function keyText(key: Uint8Array): KeyText {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

/** The key of a text, in a new buffer. */
export function keyOfText(text: KeyText): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

function* forwards(blocks: readonly Block[], range: DatabaseRange): Generator<KeyText, undefined> {
  const { from, after, to } = textsOf(range)
  const start = firstBlockUpTo(blocks, from)
  for (let at = start; at < blocks.length; at += 1) {
    const block = blocks[at] ?? []
    for (let place = at === start ? firstUpTo(block, from) : 0; place < block.length; place += 1) {
      const key = block[place] ?? ''
      if (key >= to) return undefined
      if (key !== after) yield key
    }
  }
  return undefined
}

function* backwards(blocks: readonly Block[], range: DatabaseRange): Generator<KeyText, undefined> {
  const { from, after, to } = textsOf(range)
  for (let at = Math.min(firstBlockUpTo(blocks, to), blocks.length - 1); at >= 0; at -= 1) {
    const block = blocks[at] ?? []
    for (let place = firstUpTo(block, to) - 1; place >= 0; place -= 1) {
      const key = block[place] ?? ''
      if (key < from) return undefined
      if (key !== after) yield key
    }
  }
  return undefined
}

function textsOf({ gte, gt, lt }: DatabaseRange): {
  readonly from: KeyText
  readonly after: KeyText | undefined
  readonly to: KeyText
} {
  const after = gt && keyText(gt)
  return { from: gte ? keyText(gte) : (after ?? ''), after, to: keyText(lt) }
}

/** The first block whose last key is `key` or comes after it; the number of blocks when there is none. */
function firstBlockUpTo(blocks: readonly Block[], key: KeyText): number {
  return firstOf(blocks.length, (at) => (blocks[at]?.at(-1) ?? '') >= key)
}

/** The place of the first key that is `key` or comes after it. */
function firstUpTo(block: Block, key: KeyText): number {
  return firstOf(block.length, (at) => (block[at] ?? '') >= key)
}

/** The least number below `count` that `holds` is true of, as of all above it; else `count`. */
function firstOf(count: number, holds: (at: number) => boolean): number {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

function compare(a: KeyText, b: KeyText): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
