import { createCursor, isMeadowcapError, type Cursor } from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { MAX_DROP_RECORD_BYTES } from '../limits.ts'

/** Where a drop comes from: all at once, or in pieces of any size. */
export type DropInput = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** The bytes of a drop as they come; holds one piece and what the last one left over. */
export class DropSource {
  readonly #pieces: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  readonly #maxBytes: number
  #buffer: Uint8Array = new Uint8Array(0)
  /** Bytes taken so far. */
  offset = 0
  #received = 0

  constructor(input: DropInput, maxBytes: number) {
    this.#maxBytes = maxBytes
    if (input instanceof Uint8Array) this.#pieces = [input][Symbol.iterator]()
    else if (Symbol.asyncIterator in input) this.#pieces = input[Symbol.asyncIterator]()
    else this.#pieces = input[Symbol.iterator]()
  }

  /**
   * Reads one value, waiting for more bytes until it is complete.
   *
   * @throws `WillowError` `ERR_DROP_INVALID` or `ERR_DROP_LIMIT`.
   */
  async read<Value>(read: (cursor: Cursor) => Value): Promise<Value> {
    for (;;) {
      const cursor = createCursor(this.#buffer)
      try {
        const value = read(cursor)
        this.#skip(cursor.offset)
        return value
      } catch (error) {
        if (!isMeadowcapError(error)) throw error
        if (error.code !== 'ERR_WILLOW_INCOMPLETE') {
          const at = this.offset + (error.byteOffset ?? 0)
          throw invalid(`${error.reason ?? error.message}, at byte ${at}`, error)
        }
      }
      if (this.#buffer.length > MAX_DROP_RECORD_BYTES) throw invalid('a record does not end')
      if (!(await this.#more())) throw invalid('it ends in the middle of a record')
    }
  }

  /**
   * The next `length` bytes.
   *
   * @yields views, valid until the next call.
   */
  async *take(length: bigint): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0n;) {
      if (this.#buffer.length === 0 && !(await this.#more())) {
        throw invalid('it ends in the middle of a payload')
      }
      const count = BigInt(this.#buffer.length) < left ? this.#buffer.length : Number(left)
      const piece = this.#buffer.subarray(0, count)
      this.#skip(count)
      left -= BigInt(count)
      yield piece
    }
  }

  /** Refuses anything behind the end of the drop. */
  async end(): Promise<void> {
    while (this.#buffer.length === 0) if (!(await this.#more())) return
    throw invalid(`bytes follow its end, at byte ${this.offset}`)
  }

  /** Ends the source, also when it was not read to its end. */
  async close(): Promise<void> {
    await this.#pieces.return?.()
  }

  #skip(count: number): void {
    this.#buffer = this.#buffer.subarray(count)
    this.offset += count
  }

  async #more(): Promise<boolean> {
    const next = await this.#pieces.next()
    if (next.done === true) return false
    const piece = next.value
    this.#received += piece.length
    if (this.#received > this.#maxBytes) {
      throw willowError('ERR_DROP_LIMIT', `the drop has more than ${this.#maxBytes} bytes`)
    }
    if (this.#buffer.length === 0) this.#buffer = piece
    else this.#buffer = joined(this.#buffer, piece)
    return true
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}

/** The error of a drop that is none. */
export function invalid(why: string, cause?: unknown): Error {
  return willowError('ERR_DROP_INVALID', `the drop cannot be read: ${why}`, { cause })
}
