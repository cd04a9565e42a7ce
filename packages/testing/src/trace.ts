import { TRACE_TAIL_LINES } from './limits.ts'

/** What happened, as a running hash and the last lines. */
export interface Trace {
  note(line: string): void
  /** 16 characters of lower-case hex; equal for equal traces. Tells runs apart, resists nobody. */
  hash(): string
  tail(): readonly string[]
}

/** An empty trace. */
export function createTrace(): Trace {
  return new HashedTrace()
}

/** The 32-bit hash of some bytes, for the trace: messages of one size with other contents differ in it. */
export function bytesToMark(bytes: Uint8Array): string {
  let hash = fnvBasis
  for (const byte of bytes) hash = Math.imul(hash ^ byte, fnvPrime)
  return hexOf(hash)
}

/** Offset basis and prime of the 32-bit FNV-1a hash (RFC 9923). */
const fnvBasis = 0x81_1c_9d_c5
const fnvPrime = 0x01_00_01_93

class HashedTrace implements Trace {
  #a = fnvBasis
  #b = ~fnvBasis
  readonly #tail: string[] = []

  note(line: string): void {
    for (let at = 0; at < line.length; at++) this.#add(line.charCodeAt(at))
    this.#add(10)
    if (this.#tail.push(line) > TRACE_TAIL_LINES) this.#tail.shift()
  }

  #add(character: number): void {
    this.#a = Math.imul(this.#a ^ character, fnvPrime)
    // A second lane with another multiplier: 32 bits alone would confuse two of 77,000 traces.
    this.#b = Math.imul(this.#b ^ character, 0x85_eb_ca_6b) ^ (this.#b >>> 15)
  }

  hash(): string {
    return hexOf(this.#a) + hexOf(this.#b)
  }

  tail(): readonly string[] {
    return [...this.#tail]
  }
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
