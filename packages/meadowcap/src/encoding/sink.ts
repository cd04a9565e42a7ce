/** Where writers put their bytes. It grows as needed. */
export interface Sink {
  /** How many bytes have been written. */
  readonly length: number
  /** Writes one byte, 0 to 255. */
  byte(value: number): void
  /** Writes a copy of `bytes`. */
  bytes(bytes: Uint8Array): void
  /** Everything written, in a new buffer that belongs to the caller. */
  finish(): Uint8Array
}

/** An empty sink. */
export function createSink(): Sink {
  return new ByteSink()
}

/** The bytes that `write` writes, in a new buffer that belongs to the caller. */
export function encodeWith(write: (sink: Sink) => void): Uint8Array {
  const sink = new ByteSink()
  write(sink)
  return sink.finish()
}

/** Room for an entry or a capability with one delegation: most never grow. */
const firstCapacity = 320

class ByteSink implements Sink {
  #buffer = new Uint8Array(firstCapacity)
  #length = 0

  get length(): number {
    return this.#length
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#buffer.length) return
    const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length))
    larger.set(this.#buffer)
    this.#buffer = larger
  }
}
