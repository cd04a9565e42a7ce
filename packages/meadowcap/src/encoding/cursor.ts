import { bytesEqual } from '@vudo/wire'
import { isMeadowcapError, MeadowcapError } from '../errors.ts'
import { encodeWith, type Sink } from './sink.ts'

/** Where a reader stands in bytes of a stranger. Readers move it on; after an error its place means nothing. */
export interface Cursor {
  /** The whole input. Not changed; what readers return is copied from it. */
  readonly bytes: Uint8Array
  /** The next byte to be read. */
  readonly offset: number
  /** How many bytes are left. */
  readonly remaining: number
  /**
   * The next byte.
   *
   * @throws `MeadowcapError` `ERR_WILLOW_INCOMPLETE` at the end.
   */
  byte(): number
  /**
   * A copy of the next `count` bytes.
   *
   * @throws `MeadowcapError` `ERR_WILLOW_INCOMPLETE` when there are fewer; then nothing is allocated.
   */
  take(count: number): Uint8Array
  /** The next `count` bytes without a copy: only for looking at them. Throws as {@link Cursor.take}. */
  view(count: number): Uint8Array
  /**
   * Throws unless `count` more bytes are there: call it before allocating for them.
   *
   * @throws `MeadowcapError` `ERR_WILLOW_INCOMPLETE`
   */
  require(count: number): void
  /**
   * The error that says that the bytes are wrong.
   *
   * @param offset - Where; the present place when left out.
   */
  error(reason: string, offset?: number): MeadowcapError
}

/** A cursor at `offset` of `bytes`, which are not copied: do not change them while it is read. */
export function createCursor(bytes: Uint8Array, offset = 0): Cursor {
  return new ByteCursor(bytes, offset)
}

class ByteCursor implements Cursor {
  readonly bytes: Uint8Array
  offset: number

  constructor(bytes: Uint8Array, offset: number) {
    this.bytes = bytes
    this.offset = offset
  }

  get remaining(): number {
    return this.bytes.length - this.offset
  }

  byte(): number {
    const byte = this.bytes[this.offset]
    if (byte === undefined) throw incomplete(this.bytes.length, 1)
    this.offset++
    return byte
  }

  take(count: number): Uint8Array {
    return this.view(count).slice()
  }

  view(count: number): Uint8Array {
    this.require(count)
    const start = this.offset
    this.offset += count
    return this.bytes.subarray(start, this.offset)
  }

  require(count: number): void {
    if (count > this.remaining) throw incomplete(this.bytes.length, count - this.remaining)
  }

  error(reason: string, offset: number = this.offset): MeadowcapError {
    return new MeadowcapError('ERR_WILLOW_ENCODING', `${reason}, at byte ${offset}`, {
      byteOffset: offset,
      reason,
    })
  }
}

function incomplete(byteOffset: number, missing: number): MeadowcapError {
  const reason = `at least ${missing} more bytes are needed`
  const message = `the input ends at byte ${byteOffset}, ${reason}`
  return new MeadowcapError('ERR_WILLOW_INCOMPLETE', message, { byteOffset, reason })
}

/** Reads one value and moves the cursor behind it. */
export type Reader<Value> = (cursor: Cursor) => Value

/**
 * The value whose code is all of `bytes`.
 *
 * @throws `MeadowcapError` `ERR_WILLOW_INCOMPLETE` when they end too early,
 *   `ERR_WILLOW_ENCODING` when they are wrong or some are left over.
 */
export function decodeWhole<Value>(bytes: Uint8Array, read: Reader<Value>): Value {
  const cursor = createCursor(bytes)
  const value = read(cursor)
  if (cursor.remaining > 0) throw cursor.error(`${cursor.remaining} bytes are left over`)
  return value
}

/** A value and how many bytes its code has. */
export interface Decoded<Value> {
  readonly value: Value
  readonly bytesRead: number
}

/**
 * The value whose code stands at the beginning of `bytes`; `undefined` when more bytes
 * are needed to tell.
 *
 * @throws `MeadowcapError` `ERR_WILLOW_ENCODING` when no further bytes could make it right.
 */
export function decodePart<Value>(
  bytes: Uint8Array,
  read: Reader<Value>,
): Decoded<Value> | undefined {
  const cursor = createCursor(bytes)
  try {
    const value = read(cursor)
    return { value, bytesRead: cursor.offset }
  } catch (error) {
    if (isMeadowcapError(error) && error.code === 'ERR_WILLOW_INCOMPLETE') return undefined
    throw error
  }
}

/** The two halves of an encoding. */
export interface Codec<Value> {
  readonly read: Reader<Value>
  readonly write: (sink: Sink, value: Value) => void
}

/**
 * Reads a value and refuses every code of it but the canonical one, which is what
 * `write` writes: what is signed or hashed must not have two forms.
 *
 * @throws `MeadowcapError` as `read`; `ERR_WILLOW_ENCODING` for another code.
 */
export function readCanonical<Value>(cursor: Cursor, codec: Codec<Value>): Value {
  const start = cursor.offset
  const value = codec.read(cursor)
  const given = cursor.bytes.subarray(start, cursor.offset)
  const canonical = encodeWith((sink) => codec.write(sink, value))
  if (bytesEqual(given, canonical)) return value
  const differs = canonical.findIndex((byte, at) => byte !== given[at])
  const offset = start + (differs === -1 ? canonical.length : differs)
  throw cursor.error('not the canonical code of its value', offset)
}
