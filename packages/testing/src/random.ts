/** A repeatable source of randomness. Not for secrets: whoever knows the seed knows every draw. */
export interface Random {
  /** A number from 0 up to, but not including, 1, with 32 bits of randomness. */
  next(): number
  /** A whole number from 0 up to, but not including, `n`. @throws `RangeError` unless `n` is 1 to 2^32. */
  int(n: number): number
  /** True with the given probability: never at 0, always at 1. */
  chance(probability: number): boolean
  /** `n` random bytes in a new buffer that belongs to the caller. */
  bytes(n: number): Uint8Array
  /** One element, each as likely. @throws `RangeError` when the list is empty. */
  pick<T>(list: readonly T[]): T
  /**
   * A generator of its own. Fork one per concern (network, crashes, load), so that a
   * new draw in one does not shift the draws of the others.
   */
  fork(): Random
}

/**
 * A generator that gives the same draws for the same seed, everywhere: sfc32 (Chris
 * Doty-Humphrey, PractRand) over a 128-bit state that the seed fills.
 *
 * @param seed - A whole number from 0 to 2^53 − 1.
 * @throws `RangeError` for another seed.
 */
export function createRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`seed is ${seed}, expected a whole number from 0 to 2^53 - 1`)
  }
  return new Sfc32(seed)
}

class Sfc32 implements Random {
  #a: number
  #b: number
  #c = 0x9e_37_79_b9
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    // The author's warm-up: neighbouring seeds give unrelated draws after twelve rounds.
    for (let round = 0; round < 12; round++) this.#word()
  }

  #word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  next(): number {
    return this.#word() / 2 ** 32
  }

  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new RangeError(`n is ${n}, expected a whole number from 1 to 2^32`)
    }
    return Math.floor(this.next() * n)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  bytes(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => this.#word() & 0xff)
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('the list to pick from is empty')
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the index is inside the list, whose elements may be undefined
    return list[this.int(list.length)] as T
  }

  fork(): Random {
    const high = this.#word() % 2 ** 21
    return new Sfc32(high * 2 ** 32 + this.#word())
  }
}
