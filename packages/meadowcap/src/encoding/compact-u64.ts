/**
 * Compact U64: an integer as a tag of 2 to 8 bits, which stands in some header byte,
 * and a body of 0, 1, 2, 4 or 8 big-endian bytes that follows later (Willow
 * "Encodings"). Tags up to 2^width − 5 are the integer itself; the last four name
 * the length of the body.
 */
import type { Cursor } from './cursor.ts'
import type { Sink } from './sink.ts'

/** Bits of a tag; 8 is a tag that fills a byte. */
export type TagWidth = 2 | 3 | 4 | 5 | 6 | 8

/** The least tag of `n` in `width` bits: what every writer uses. */
export function compactTag(n: bigint | number, width: TagWidth): number {
  const tags = 1 << width
  // With two bits there is no room for integers in the tag.
  if (width > 2 && n <= tags - 5) return Number(n)
  if (n < 0x100) return tags - 4
  if (n < 0x1_0000) return tags - 3
  return n < 0x1_0000_0000 ? tags - 2 : tags - 1
}

/** Writes the body that belongs to `compactTag(n, width)`; nothing when the tag says it all. */
export function writeCompactBody(sink: Sink, n: bigint | number, width: TagWidth): void {
  const length = bodyLength(compactTag(n, width), width)
  if (length === 8) writeBigEndian(sink, BigInt(n))
  else if (length > 0) {
    const value = Number(n)
    for (let shift = 8 * (length - 1); shift >= 0; shift -= 8) sink.byte((value >>> shift) & 0xff)
  }
}

function writeBigEndian(sink: Sink, n: bigint): void {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, n)
  sink.bytes(bytes)
}

/** The integer of `tag` and the body at the cursor. Any valid tag is taken, not only the least. */
export function readCompactBody(cursor: Cursor, tag: number, width: TagWidth): bigint {
  const length = bodyLength(tag, width)
  if (length < 8) return BigInt(readShortBody(cursor, tag, length))
  const view = cursor.view(8)
  return new DataView(view.buffer, view.byteOffset, 8).getBigUint64(0)
}

/** What {@link readCompactCount} needs to know about a count. */
export interface CountLimit {
  /** The greatest count that is allowed. */
  readonly max: number
  /** What is counted, for the error. */
  readonly what: string
}

/**
 * As {@link readCompactBody}, for lengths and counts, which have limits.
 *
 * @throws `MeadowcapError` `ERR_WILLOW_ENCODING` above the limit.
 */
export function readCompactCount(
  cursor: Cursor,
  tag: { readonly tag: number; readonly width: TagWidth },
  limit: CountLimit,
): number {
  const start = cursor.offset
  const length = bodyLength(tag.tag, tag.width)
  const count =
    length < 8
      ? readShortBody(cursor, tag.tag, length)
      : readCompactBody(cursor, tag.tag, tag.width)
  if (count > limit.max) {
    throw cursor.error(`${count} ${limit.what}, at most ${limit.max} are allowed`, start)
  }
  return Number(count)
}

function readShortBody(cursor: Cursor, tag: number, length: number): number {
  if (length === 0) return tag
  let value = 0
  for (const byte of cursor.view(length)) value = value * 256 + byte
  return value
}

function bodyLength(tag: number, width: TagWidth): number {
  const fromEnd = (1 << width) - tag
  return fromEnd > 4 ? 0 : 1 << (4 - fromEnd)
}

/** Writes `n` as a tag byte and its body: `C64(n)`. */
export function writeCompactU64(sink: Sink, n: bigint | number): void {
  sink.byte(compactTag(n, 8))
  writeCompactBody(sink, n, 8)
}

/** Reads a tag byte and its body: `C64`. Any valid tag is taken. */
export function readCompactU64(cursor: Cursor): bigint {
  return readCompactBody(cursor, cursor.byte(), 8)
}
