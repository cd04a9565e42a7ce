/**
 * Unsigned LEB128 varints: 7 bits per byte, lowest first, the high bit set on all
 * bytes but the last (DWARF 5 section 7.6). Values up to `Number.MAX_SAFE_INTEGER`,
 * in 1 to 8 bytes, each in its shortest form.
 *
 * Multiplication and division instead of shifts: a shift keeps 32 bits only.
 */

/**
 * The varint of `value` in a new buffer of 1 to 8 bytes.
 *
 * @param value - An integer from 0 to `Number.MAX_SAFE_INTEGER`.
 * @throws `RangeError` for any other number.
 */
export function encodeVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value))
  writeVarint(bytes, 0, value)
  return bytes
}

/**
 * How many bytes `value` takes as a varint: 1 to 8.
 *
 * @throws `RangeError` when `value` is no integer from 0 to `Number.MAX_SAFE_INTEGER`.
 */
export function varintLength(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`varint is ${value}, expected an integer from 0 to 2^53 - 1`)
  }
  let length = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length++
  return length
}

/**
 * Writes a varint into `target` from `at` on, where the caller has made room.
 *
 * @param target - Changed in place; what does not fit is lost.
 * @param value - One that {@link varintLength} has taken: it is not checked again.
 */
export function writeVarint(target: Uint8Array, at: number, value: number): void {
  let position = at
  let rest = value
  while (rest > 0x7f) {
    target[position++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  target[position] = rest
}
