import { crc32c } from './crc32c.ts'

/**
 * A stored value, `docs/wire-formats/stored-records.md`: one byte of version, four
 * of CRC-32C (big-endian), then the value. The checksum covers the length of the
 * key, the key and the value, so a record under a wrong key is found as well.
 */
export const RECORD_VERSION = 1

/** Bytes in front of each value. */
export const RECORD_HEADER_BYTES = 5

/** The stored form of `value` under the database's `key`, in a new buffer. */
export function encodeRecord(key: Uint8Array, value: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER_BYTES + value.byteLength)
  record[0] = RECORD_VERSION
  const sum = checksum(key, value)
  for (let at = 1; at < RECORD_HEADER_BYTES; at += 1) record[at] = sum >>> (32 - 8 * at)
  record.set(value, RECORD_HEADER_BYTES)
  return record
}

/** The value in `record`, in a new buffer, or `undefined` when the record is damaged. Never throws. */
export function decodeRecord(key: Uint8Array, record: Uint8Array): Uint8Array | undefined {
  if (record.byteLength < RECORD_HEADER_BYTES || record[0] !== RECORD_VERSION) return undefined
  const value = new Uint8Array(record.subarray(RECORD_HEADER_BYTES))
  return checksumIn(record) === checksum(key, value) ? value : undefined
}

/** Without a view of the bytes: making one for each record of a scan costs more than the four bytes. */
function checksumIn(record: Uint8Array): number {
  let sum = 0
  for (let at = 1; at < RECORD_HEADER_BYTES; at += 1) sum = (sum << 8) | (record[at] ?? 0)
  return sum >>> 0
}

/** The length of a key, as the checksum takes it. One buffer for all calls, none of which waits. */
const lengthBytes = new Uint8Array(4)
const lengthView = new DataView(lengthBytes.buffer)

function checksum(key: Uint8Array, value: Uint8Array): number {
  lengthView.setUint32(0, key.byteLength)
  return crc32c(lengthBytes, key, value)
}
