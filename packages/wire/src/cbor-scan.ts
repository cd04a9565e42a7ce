import { createByteReader, type ByteReader } from './byte-reader.ts'
import { WireError } from './errors.ts'

/** Major types of RFC 8949 section 3.1. */
const major = { bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 }

/**
 * Walks one CBOR item without recursion and without building anything, so that a
 * decoder that recurses may follow.
 *
 * @param maxValues - Values of all depths together; a map has two for each entry.
 * @throws `WireError` `ERR_DECODE` when it is cut off, followed by more, deeper than
 *   `maxDepth`, has more than `maxValues`, or holds a tag, an indefinite length or a simple value besides
 *   false, true, null and floats.
 */
export function scanCbor(bytes: Uint8Array, maxDepth: number, maxValues: number = Infinity): void {
  let valuesLeft = maxValues - 1
  const reader = createByteReader(bytes)
  /** Items still to come in each open array or map, outermost first. */
  const open: number[] = []
  for (;;) {
    const items = scanHead(reader)
    valuesLeft -= items
    if (valuesLeft < 0) throw refused(`CBOR has more than ${maxValues} values`)
    if (items > 0) {
      if (open.length === maxDepth) throw refused(`CBOR is more than ${maxDepth} deep`)
      // Every item takes a byte: a larger count is a lie, and found out before it is believed.
      if (items > reader.remaining) throw refused('CBOR claims more items than it has bytes')
      open.push(items)
    } else {
      while (open.length > 0 && closes(open)) open.pop()
      if (open.length === 0) break
    }
  }
  reader.end()
}

/** Counts one item off the innermost container; true when that was its last. */
function closes(open: number[]): boolean {
  const last = open.length - 1
  const left = (open[last] ?? 1) - 1
  open[last] = left
  return left === 0
}

/** Passes over one head and its bytes, and returns how many items it contains. */
function scanHead(reader: ByteReader): number {
  const first = reader.u8()
  const type = first >>> 5
  const info = first & 31
  if (type === major.tag) throw refused('CBOR holds a tag')
  if (type === major.simple) return scanSimple(reader, info)
  const value = scanArgument(reader, info)
  if (type === major.bytes || type === major.text) reader.bytes(value)
  if (type === major.array) return value
  if (type === major.map) return 2 * value
  return 0
}

function scanSimple(reader: ByteReader, info: number): number {
  if (info >= 25 && info <= 27) reader.bytes(2 ** (info - 24))
  // 20 is false, 21 true, 22 null; 23 would be undefined, 31 the end of an indefinite length.
  else if (info < 20 || info > 22) throw refused('CBOR holds a simple value that is not plain data')
  return 0
}

/** The number in a head. Not rounded when it matters: beyond 2^53 it is larger than any input. */
function scanArgument(reader: ByteReader, info: number): number {
  if (info < 24) return info
  if (info === 24) return reader.u8()
  if (info === 25) return reader.u16()
  if (info === 26) return reader.u32()
  if (info === 27) return reader.u32() * 2 ** 32 + reader.u32()
  throw refused('CBOR holds an indefinite length or a reserved head')
}

function refused(message: string): WireError {
  return new WireError('ERR_DECODE', message)
}
