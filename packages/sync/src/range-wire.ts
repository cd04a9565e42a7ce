import { bytesToHex, createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import type { ByteReader, ByteWriter } from '@vudo/wire'
import { deflateWith, inflateExactly } from './deflate.ts'
import type { RangeFingerprint } from './fingerprints.ts'
import { FINGERPRINT_BYTES, MAX_PATH_BYTES, MAX_RANGES, MAX_RANGES_BYTES } from './limits.ts'

/* The content of `ranges`, which is deflated: paths that follow each other are much alike. */

/** Writes how many bytes the ranges have, and the ranges deflated. */
export function writeRanges(writer: ByteWriter, ranges: readonly RangeFingerprint[]): void {
  const inner = createByteWriter()
  for (const { last, records, documents } of ranges) {
    inner.text(last).bytes(hexToBytes(records)).bytes(hexToBytes(documents))
  }
  const bytes = inner.finish()
  writer.varint(bytes.length)
  if (bytes.length > 0) writer.bytes(deflateWith(bytes))
}

/**
 * Reads ranges, whose ends must follow each other.
 *
 * @returns `undefined` for what is none.
 * @throws `WireError` `ERR_DECODE`.
 */
export function readRanges(reader: ByteReader): RangeFingerprint[] | undefined {
  const inflatedBytes = reader.varint(MAX_RANGES_BYTES)
  if (inflatedBytes === 0) return []
  const inflated = inflateExactly(reader.rest(), inflatedBytes)
  if (!inflated) return undefined
  const inner = createByteReader(inflated)
  const ranges: RangeFingerprint[] = []
  let before: string | undefined
  while (inner.remaining > 0) {
    const last = inner.text(MAX_PATH_BYTES)
    if (ranges.length >= MAX_RANGES || (before !== undefined && last <= before)) return undefined
    const records = bytesToHex(inner.bytes(FINGERPRINT_BYTES))
    const documents = bytesToHex(inner.bytes(FINGERPRINT_BYTES))
    ranges.push({ last, records, documents })
    before = last
  }
  return ranges
}
