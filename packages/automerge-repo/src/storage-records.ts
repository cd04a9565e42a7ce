import { MAX_KEY_BYTES, type StoreOperation, type StoreView } from '@vudo/storage'
import { concatBytes } from '@vudo/wire'
import { AutomergeRepoError } from './errors.ts'

/*
 * Keys of automerge-repo are lists of texts. Here each text ends in a zero byte, so that
 * the bytes of a prefix are a prefix of the bytes; zero and one inside a text are written
 * as two bytes. In front of each value stand 8 bytes with the order in which it was saved:
 * automerge-repo's own adapters give ranges in that order.
 */

const MAX_SEGMENTS = 16
const ORDER_BYTES = 8
const utf8 = new TextEncoder()
const fromUtf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** A record of a range. */
export interface OrderedRecord {
  readonly key: string[]
  readonly data: Uint8Array<ArrayBuffer>
  readonly order: number
}

/** The bytes under which a key lies, or with which all keys of a range begin. @throws `AutomergeRepoError` `ERR_STORAGE_KEY`. */
export function keyToBytes(key: readonly string[]): Uint8Array {
  const bytes = prefixToBytes(key)
  if (key.length === 0) throw invalid('has no segments')
  return bytes
}

/** As {@link keyToBytes}; no segments mean everything. */
export function prefixToBytes(prefix: readonly string[]): Uint8Array {
  if (prefix.length > MAX_SEGMENTS) throw invalid(`has ${prefix.length} segments`)
  const bytes = prefix.flatMap((segment) => [...[...utf8.encode(segment)].flatMap(escape), 0])
  if (bytes.length > MAX_KEY_BYTES) throw invalid(`has ${bytes.length} bytes`)
  return Uint8Array.from(bytes)
}

function escape(byte: number): number[] {
  return byte > 1 ? [byte] : [1, byte + 1]
}

/** The key that lies under these bytes. */
export function bytesToKey(bytes: Uint8Array): string[] {
  const key: string[] = []
  let segment: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === 0) {
      key.push(fromUtf8.decode(Uint8Array.from(segment)))
      segment = []
    } else if (byte === 1) segment.push((bytes[++at] ?? 1) - 1)
    else segment.push(byte)
  }
  return key
}

/** The operation that saves a value under a key. */
export function putRecord(key: readonly string[], data: Uint8Array, order: number): StoreOperation {
  const head = new Uint8Array(ORDER_BYTES)
  new DataView(head.buffer).setFloat64(0, order)
  return { type: 'put', key: keyToBytes(key), value: concatBytes(head, data) }
}

/** What a value holds, in a buffer of its own. */
export function dataOf(value: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(value.subarray(ORDER_BYTES))
}

/** The records below a prefix, in the order in which they were saved. */
export async function scanRecords(
  view: StoreView,
  prefix: readonly string[],
): Promise<OrderedRecord[]> {
  const records: OrderedRecord[] = []
  for await (const { key, value } of view.scan({ prefix: prefixToBytes(prefix) })) {
    const order = new DataView(value.buffer, value.byteOffset).getFloat64(0)
    records.push({ key: bytesToKey(key), data: dataOf(value), order })
  }
  return records.toSorted((a, b) => a.order - b.order)
}

/** Gives each record a number above all before it, also of earlier runs while the clock is right. */
export function createOrder(now: () => number): () => number {
  let last = 0
  return () => (last = Math.max(last + 1, Math.floor(now()) * 1_000))
}

function invalid(what: string): AutomergeRepoError {
  return new AutomergeRepoError('ERR_STORAGE_KEY', `a storage key ${what}`, {
    hint: `use 1 to ${MAX_SEGMENTS} segments of ${MAX_KEY_BYTES} bytes in all`,
  })
}
