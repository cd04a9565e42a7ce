import { WireError } from './errors.ts'
import { MAX_VARINT_BYTES } from './limits.ts'

/**
 * Takes a message of a peer apart, field after field. Whatever the bytes are, it
 * throws only `WireError` `ERR_DECODE`, and allocates nothing but text: byte
 * results are views that SHARE THE INPUT'S MEMORY. Copy what has to outlive it.
 */
export interface ByteReader {
  /** Bytes not read yet. */
  readonly remaining: number
  /** One byte. */
  u8(): number
  /** Two bytes, big endian. */
  u16(): number
  /** Four bytes, big endian, unsigned. */
  u32(): number
  /**
   * A varint in its shortest form.
   *
   * @param max - The largest value to accept. Default: `Number.MAX_SAFE_INTEGER`.
   */
  varint(max?: number): number
  /** The next `length` bytes, as a view. */
  bytes(length: number): Uint8Array
  /** A varint length of at most `maxBytes`, and so many bytes, as a view. */
  prefixed(maxBytes: number): Uint8Array
  /** As {@link prefixed}, read as well-formed UTF-8. */
  text(maxBytes: number): string
  /** All that is left, perhaps nothing, as a view. */
  rest(): Uint8Array
  /** Refuses when anything is left: a message has one encoding. */
  end(): void
}

// A byte order mark is text like any other: dropping it would give two encodings to one text.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Makes a {@link ByteReader}.
 *
 * @param bytes - Shared with the reader and its results: do not change it meanwhile.
 */
export function createByteReader(bytes: Uint8Array): ByteReader {
  return new Reader(bytes)
}

class Reader implements ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    return this.#integer(1)
  }

  u16(): number {
    return this.#integer(2)
  }

  u32(): number {
    return this.#integer(4)
  }

  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let scale = 1
    for (let count = 1; count <= MAX_VARINT_BYTES; count++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte > 0x7f) continue
      // A last group of 0 adds nothing: the same value has a shorter form.
      if (byte === 0 && count > 1) throw refused('varint is not in its shortest form')
      if (value > max || !Number.isSafeInteger(value)) {
        throw refused(`number is ${value}, expected at most ${max}`)
      }
      return value
    }
    throw refused(`varint is longer than ${MAX_VARINT_BYTES} bytes`)
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  prefixed(maxBytes: number): Uint8Array {
    return this.bytes(this.varint(maxBytes))
  }

  text(maxBytes: number): string {
    const bytes = this.prefixed(maxBytes)
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      throw new WireError('ERR_DECODE', 'text is not well-formed UTF-8', { cause })
    }
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining)
  }

  end(): void {
    if (this.remaining > 0) throw refused(`${this.remaining} bytes are left over, expected none`)
  }

  #integer(width: number): number {
    const at = this.#take(width)
    let value = 0
    for (let index = at; index < at + width; index++) {
      value = value * 256 + (this.#bytes[index] ?? 0)
    }
    return value
  }

  /** Passes over `count` bytes and returns where they begin. */
  #take(count: number): number {
    if (!Number.isInteger(count) || count < 0) {
      throw new RangeError(`length is ${count}, expected an integer from 0 on`)
    }
    if (count > this.remaining) {
      throw refused(`message ends after ${this.remaining} bytes, expected ${count} more`)
    }
    const at = this.#at
    this.#at += count
    return at
  }
}

function refused(message: string): WireError {
  return new WireError('ERR_DECODE', message)
}
