import { varintLength, writeVarint } from './varint.ts'

/**
 * Puts a message together, field after field. Every call but `finish` returns the
 * writer. Values out of range are the caller's mistake: `RangeError`.
 */
export interface ByteWriter {
  /** One byte: 0 to 255. */
  u8(value: number): ByteWriter
  /** Two bytes, big endian: 0 to 65,535. */
  u16(value: number): ByteWriter
  /** Four bytes, big endian: 0 to 4,294,967,295. */
  u32(value: number): ByteWriter
  /** 1 to 8 bytes: 0 to `Number.MAX_SAFE_INTEGER`, see `encodeVarint`. */
  varint(value: number): ByteWriter
  /** The bytes as they are; the reader has to know how many. Copied. */
  bytes(bytes: Uint8Array): ByteWriter
  /** A varint length and the bytes. Copied. */
  prefixed(bytes: Uint8Array): ByteWriter
  /**
   * A varint length in bytes and the text as UTF-8.
   *
   * @throws `TypeError` when `text` holds a lone surrogate: UTF-8 would replace it.
   */
  text(text: string): ByteWriter
  /**
   * What was written. The buffer belongs to the caller; the writer is empty again.
   */
  finish(): Uint8Array
}

const initialBytesByDefault = 64
const utf8 = new TextEncoder()

/**
 * Makes a {@link ByteWriter}.
 *
 * @param initialBytes - Room to begin with; it grows by doubling. The exact size of
 *   the message saves the copy in `finish`.
 */
export function createByteWriter(initialBytes: number = initialBytesByDefault): ByteWriter {
  return new GrowingWriter(initialBytes)
}

class GrowingWriter implements ByteWriter {
  #buffer: Uint8Array
  #length = 0

  constructor(initialBytes: number) {
    this.#buffer = new Uint8Array(initialBytes)
  }

  u8(value: number): this {
    return this.#integer(value, 1)
  }

  u16(value: number): this {
    return this.#integer(value, 2)
  }

  u32(value: number): this {
    return this.#integer(value, 4)
  }

  varint(value: number): this {
    const length = varintLength(value)
    const at = this.#reserve(length)
    writeVarint(this.#buffer, at, value)
    return this
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length)
    this.#buffer.set(bytes, at)
    return this
  }

  prefixed(bytes: Uint8Array): this {
    return this.varint(bytes.length).bytes(bytes)
  }

  text(text: string): this {
    if (!text.isWellFormed()) throw new TypeError('text holds a lone surrogate')
    return this.prefixed(utf8.encode(text))
  }

  finish(): Uint8Array {
    const buffer = this.#buffer
    const length = this.#length
    this.#buffer = new Uint8Array(0)
    this.#length = 0
    return length === buffer.length ? buffer : buffer.slice(0, length)
  }

  #integer(value: number, width: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * width)) {
      throw new RangeError(`value is ${value}, expected an unsigned number of ${8 * width} bits`)
    }
    const at = this.#reserve(width)
    for (let index = 0; index < width; index++) {
      this.#buffer[at + index] = value >>> (8 * (width - 1 - index))
    }
    return this
  }

  /** Makes room and returns where it begins. */
  #reserve(count: number): number {
    const at = this.#length
    const needed = at + count
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#buffer.length))
      grown.set(this.#buffer.subarray(0, at))
      this.#buffer = grown
    }
    this.#length = needed
    return at
  }
}
