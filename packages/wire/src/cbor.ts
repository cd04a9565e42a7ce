/**
 * CBOR (RFC 8949) as a hostile peer may send it: bounded in size and depth, plain
 * data only, and exactly one encoding for each value, so that a hash or signature
 * over the bytes is one over the value.
 *
 * Plain data is null, true, false, safe integers, finite floats, text, byte strings,
 * arrays, and maps with text keys. The one encoding is that of RFC 8949 section
 * 4.2.1 with map keys ordered by length first (section 4.2.3).
 *
 * The bytes are first walked without recursion and without allocating (depth,
 * lengths, kinds), then `cborg` decodes them, then the result is encoded again and
 * compared: what has a second spelling is refused without a rule for each spelling.
 */
import { decode, encode } from 'cborg'
import { bytesEqual } from './bytes.ts'
import { scanCbor } from './cbor-scan.ts'
import { WireError } from './errors.ts'
import { MAX_CBOR_DEPTH } from './limits.ts'

/** What {@link decodeCbor} takes. */
export interface DecodeCborOptions {
  /** The largest input to look at, in bytes. */
  readonly maxBytes: number
  /**
   * How deep arrays and maps may lie within each other, 1 to 64; a number alone has depth 0.
   *
   * @defaultValue 64
   */
  readonly maxDepth?: number | undefined
  /**
   * How many values there may be, of all depths together: 1 for a number alone, and two for
   * each entry of a map. A value takes a byte at least and in memory up to a hundred, so
   * give a bound where `maxBytes` is large. It is checked before anything is built.
   *
   * @defaultValue as many as `maxBytes` allows
   */
  readonly maxValues?: number | undefined
}

const strict = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
} as const

/**
 * The one encoding of `value`, in a new buffer that belongs to the caller.
 *
 * @param value - Plain data at most 64 deep. Objects are plain or have no prototype.
 * @throws `TypeError` for anything else: `undefined`, NaN, a class instance, text with a lone surrogate, a key `__proto__`.
 */
export function encodeCbor(value: unknown): Uint8Array {
  checkPlain(value, MAX_CBOR_DEPTH)
  return Uint8Array.from(encode(value))
}

/**
 * The value that `bytes` stand for. Its type is unknown: check it field by field.
 *
 * Maps become plain objects; no key is `__proto__`. Byte strings are copies, so
 * `bytes` may be reused afterwards.
 *
 * @throws `WireError` `ERR_DECODE`, whatever the bytes are.
 */
export function decodeCbor(bytes: Uint8Array, options: DecodeCborOptions): unknown {
  const { maxBytes, maxDepth = MAX_CBOR_DEPTH, maxValues } = options
  if (!Number.isInteger(maxDepth) || maxDepth < 1 || maxDepth > MAX_CBOR_DEPTH) {
    throw new RangeError(`maxDepth is ${maxDepth}, expected 1 to ${MAX_CBOR_DEPTH}`)
  }
  if (bytes.length > maxBytes) {
    throw new WireError(
      'ERR_DECODE',
      `CBOR has ${bytes.length} bytes, expected at most ${maxBytes}`,
    )
  }
  scanCbor(bytes, maxDepth, maxValues)
  const value = decodePlain(bytes)
  if (!bytesEqual(encode(value), bytes)) {
    throw new WireError('ERR_DECODE', 'CBOR is not in its one canonical form')
  }
  return value
}

function decodePlain(bytes: Uint8Array): unknown {
  try {
    const value: unknown = decode(bytes, strict)
    checkPlain(value, MAX_CBOR_DEPTH)
    return value
  } catch (cause) {
    throw new WireError('ERR_DECODE', 'CBOR is malformed or holds more than plain data', { cause })
  }
}

/** Refuses what has no one encoding, and `__proto__`, which would become a prototype in careless hands. */
function checkPlain(value: unknown, depthLeft: number): void {
  if (value === null || typeof value === 'boolean' || value instanceof Uint8Array) return
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new TypeError('text holds a lone surrogate')
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`number is ${value}, expected a finite one`)
  } else if (typeof value === 'object') {
    if (depthLeft === 0) throw new TypeError(`value is more than ${MAX_CBOR_DEPTH} deep`)
    checkContainer(value, depthLeft - 1)
  } else {
    throw new TypeError(`value is of type ${typeof value}, expected plain data`)
  }
}

function checkContainer(value: object, depthLeft: number): void {
  if (Array.isArray(value)) {
    // An index loop sees the holes of a sparse array; forEach would not.
    for (let index = 0; index < value.length; index++) checkPlain(value[index], depthLeft)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) {
    throw new TypeError('value is a class instance, expected plain data')
  }
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') throw new TypeError('a map has the key __proto__')
    checkPlain(key, depthLeft)
    checkPlain(item, depthLeft)
  }
}
