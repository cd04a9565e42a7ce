import { willowError } from '../errors.ts'
import type { StoredPage } from './backing.ts'
import { bytesToText, textToBytes } from './place.ts'
import { FINGERPRINT_WORDS, fingerprintToWords, Sum, wordsToFingerprint } from './sum.ts'

const version = 1
const at = { count: 1, bytes: 9, min: 25, max: 33, fingerprint: 41, low: 73 }

/** The sum of a page as it is saved, `docs/wire-formats/willow-store.md`, in a new buffer. */
export function encodePage({ low, sum }: { readonly low: string; readonly sum: Sum }): Uint8Array {
  const record = new Uint8Array(at.low + low.length)
  const view = new DataView(record.buffer)
  record[0] = version
  view.setBigUint64(at.count, BigInt(sum.count))
  view.setBigUint64(at.bytes, sum.payloadBytes >> 64n)
  view.setBigUint64(at.bytes + 8, BigInt.asUintN(64, sum.payloadBytes))
  view.setBigUint64(at.min, sum.minTimestamp)
  view.setBigUint64(at.max, sum.maxTimestamp)
  record.set(wordsToFingerprint(sum.words), at.fingerprint)
  record.set(textToBytes(low), at.low)
  return record
}

/** Undoes {@link encodePage}. */
export function decodePage(id: number, record: Uint8Array): StoredPage & { readonly sum: Sum } {
  if (record[0] !== version || record.length < at.low) {
    throw willowError('ERR_WILLOW_STORE_FORMAT', `page ${id} has a version that is not known here`)
  }
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
  const sum = new Sum()
  sum.count = Number(view.getBigUint64(at.count))
  sum.payloadBytes = (view.getBigUint64(at.bytes) << 64n) | view.getBigUint64(at.bytes + 8)
  sum.bound(view.getBigUint64(at.min), view.getBigUint64(at.max))
  const fingerprint = record.subarray(at.fingerprint, at.fingerprint + FINGERPRINT_WORDS * 4)
  fingerprintToWords(fingerprint, sum.words, 0)
  return { id, low: bytesToText(record.subarray(at.low)), sum }
}
