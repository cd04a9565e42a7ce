/** One bit for each id that was not seen; no byte when all were. */
export function bitsOf(named: readonly string[], seen: ReadonlySet<string>): Uint8Array {
  if (named.length === seen.size) return new Uint8Array(0)
  const bits = new Uint8Array(Math.ceil(named.length / 8))
  for (const [at, id] of named.entries()) {
    if (!seen.has(id)) bits[at >> 3] = bits[at >> 3]! | (0x80 >> (at & 7))
  }
  return bits
}

/** The ids whose bits are set; `undefined` when there are bits too many or too few. */
export function idsOfBits(bits: Uint8Array, named: readonly string[]): string[] | undefined {
  if (bits.length === 0) return []
  if (bits.length !== Math.ceil(named.length / 8)) return undefined
  const ids = named.filter((_, at) => ((bits[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0)
  return countOf(bits) === ids.length ? ids : undefined
}

function countOf(bits: Uint8Array): number {
  let count = 0
  for (const byte of bits) for (let left = byte; left > 0; left &= left - 1) count += 1
  return count
}
