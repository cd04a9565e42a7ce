import { bytesToHex, hexToBytes, type ByteReader, type ByteWriter } from '@vudo/wire'
import { MAX_PAGE_ENTRIES } from './limits.ts'

/* Fields that several messages and stored values have. */

const HASH_BYTES = 32

/** Writes a list of hashes of 32 bytes. */
export function writeHashes(writer: ByteWriter, hashes: readonly string[]): void {
  writer.varint(hashes.length)
  for (const hash of hashes) writer.bytes(hexToBytes(hash))
}

/** Reads a list of hashes as hex, in the order in which they came. @throws `WireError` `ERR_DECODE`. */
export function readHashes(reader: ByteReader, max: number): string[] {
  const count = reader.varint(max)
  const hashes: string[] = []
  for (let index = 0; index < count; index++) hashes.push(bytesToHex(reader.bytes(HASH_BYTES)))
  return hashes
}

/** Places among the entries of a page as bits, the lowest of the first byte for the first entry. */
export function toBits(places: readonly number[]): Uint8Array {
  const bits = new Uint8Array(places.length === 0 ? 0 : (Math.max(...places) >> 3) + 1)
  for (const place of places) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7))
  return bits
}

/** Reads them. @throws `WireError` `ERR_DECODE`. */
export function readPlaces(reader: ByteReader, max: number = MAX_PAGE_ENTRIES): number[] {
  const bits = reader.prefixed(Math.ceil(max / 8))
  const places: number[] = []
  for (let place = 0; place < 8 * bits.length; place++) {
    if (((bits[place >> 3] ?? 0) & (1 << (place & 7))) > 0) places.push(place)
  }
  return places
}

/** Reads more than there is: the reader's own error for a message that is none. */
export function refuse(reader: ByteReader): never {
  reader.bytes(reader.remaining + 1)
  throw new Error('unreachable')
}
