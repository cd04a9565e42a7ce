/**
 * Memory of large records. Fresh memory costs several times the copying into it, and left
 * to the garbage collector, buffers of 64 KiB make it walk the whole heap every few
 * megabytes: so sealed records are written into buffers that are used again, and what
 * was read is freed at once.
 */
import { MAX_NOISE_MESSAGE_BYTES, MAX_SPARE_RECORDS, MIN_REUSED_RECORD_BYTES } from './limits.ts'

const spare: Uint8Array<ArrayBuffer>[] = []

/** Room for a record of `bytes`; what is in it is left over from earlier. */
export function takeRecord(bytes: number): Uint8Array<ArrayBuffer> {
  if (bytes < MIN_REUSED_RECORD_BYTES) return new Uint8Array(bytes)
  const buffer = spare.pop() ?? new Uint8Array(MAX_NOISE_MESSAGE_BYTES)
  return bytes === buffer.length ? buffer : buffer.subarray(0, bytes)
}

/** Nobody reads a record of {@link takeRecord} any more. Without this call it is garbage, and no harm is done. */
export function giveRecord(record: Uint8Array): void {
  const { buffer } = record
  const isOurs = buffer.byteLength === MAX_NOISE_MESSAGE_BYTES && buffer instanceof ArrayBuffer
  if (isOurs && spare.length < MAX_SPARE_RECORDS) spare.push(new Uint8Array(buffer))
}

/** Frees the memory of bytes that nobody else has, where they fill their buffer; they have no length afterwards. */
export function free(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (bytes.length < MIN_REUSED_RECORD_BYTES || bytes.length !== buffer.byteLength) return
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
