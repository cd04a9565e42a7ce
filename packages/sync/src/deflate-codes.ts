/** The alphabets of DEFLATE (RFC 1951, sections 3.2.5 to 3.2.7), for both directions. */

/** In which order the lengths of the codes of code lengths stand. */
export const codeLengthOrder: Uint8Array = Uint8Array.from([
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
])
/** Bits behind each length symbol, from 257 on. */
export const lengthBits: Uint8Array = Uint8Array.from([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
])
/** Bits behind each distance symbol. */
export const distanceBits: Uint8Array = Uint8Array.from({ length: 30 }, (_, code) =>
  Math.max(0, (code >> 1) - 1),
)
/** The least length of each symbol. The last one, 258, lies within the range of the one before. */
export const lengthBases: Uint16Array = Uint16Array.of(
  ...basesOf(lengthBits.subarray(0, 28), 3),
  258,
)
/** The least distance of each symbol. */
export const distanceBases: Uint16Array = Uint16Array.from(basesOf(distanceBits, 1))
/** Lengths of the codes that a block has when it brings none. */
export const fixedLengthBits: Uint8Array = Uint8Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
)
/** As above, of distances. */
export const fixedDistanceBits: Uint8Array = new Uint8Array(32).fill(5)
/** The symbol that ends a block. */
export const END_OF_BLOCK = 256

/** Each begins where the one before ends. */
function basesOf(bits: Uint8Array, first: number): number[] {
  let next = first
  return Array.from(bits, (extra) => (next += 1 << extra) - (1 << extra))
}

/** A code comes with its highest bit first, and bits are written with the lowest first. */
export function reversedBits(code: number, length: number): number {
  let result = 0
  for (let bit = 0; bit < length; bit++) result |= ((code >>> bit) & 1) << (length - 1 - bit)
  return result
}
