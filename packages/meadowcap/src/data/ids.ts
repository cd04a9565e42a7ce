import { compareBytes } from '@vudo/wire'
import { ID_BYTES } from '../limits.ts'

/** The least subspace id: 32 zero bytes. Shared: do not change it. */
export const LEAST_ID: Uint8Array = new Uint8Array(ID_BYTES)

/**
 * Orders ids and digests as the big-endian integers they are, which is bytewise.
 *
 * @returns a negative number, 0 or a positive number.
 */
export function compareIds(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, b)
}

/** The next id in a new buffer; `undefined` after 32 bytes of `ff`. */
export function idSuccessor(id: Uint8Array): Uint8Array | undefined {
  const next = id.slice()
  for (let at = next.length - 1; at >= 0; at--) {
    const byte = next[at] ?? 0
    next[at] = byte + 1
    if (byte < 0xff) return next
  }
  return undefined
}

/** Throws a `RangeError` that names `what` unless `bytes` has `length` bytes. */
export function assertLength(bytes: Uint8Array, length: number, what: string): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${what} is no Uint8Array`)
  if (bytes.length !== length) {
    throw new RangeError(`${what} has ${bytes.length} bytes, expected ${length}`)
  }
}
