import { bytesEqual } from '@vudo/wire'
import type { Entry } from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { PAYLOAD_CHUNK_BYTES } from '../limits.ts'
import { Turns } from '../store/turns.ts'
import type { PayloadWriter } from '../store/store.ts'
import type { William3Hasher } from '../william3/william3.ts'

/** Where a writer leaves whole pieces. */
export interface PayloadSink {
  /** A whole piece that was kept earlier. */
  read(index: number): Promise<Uint8Array>
  append(index: number, chunk: Uint8Array): Promise<void>
  /** The first `available` bytes are to stay. */
  keep(available: bigint): Promise<void>
  /** Nothing is to stay. */
  discard(): Promise<void>
  /** As {@link discard}, unless a part was kept earlier; never throws. */
  abandon(): Promise<void>
  /** The writer is done. */
  release(): void
}

/** Cuts what arrives into pieces, and checks the whole when it is complete. */
export class ChunkedWriter implements PayloadWriter {
  readonly #sink: PayloadSink
  readonly #entry: Entry
  readonly #hasher: William3Hasher
  readonly #turns = new Turns()
  #buffer = new Uint8Array(0)
  #buffered = 0
  #chunks = 0
  /** Whole pieces that the store knows of. */
  #kept = 0
  #isDone = false

  constructor(sink: PayloadSink, entry: Entry, hasher: William3Hasher) {
    this.#sink = sink
    this.#entry = entry
    this.#hasher = hasher
  }

  get offset(): bigint {
    if (this.#isDone && this.#isComplete) return this.#entry.payloadLength
    return BigInt(this.#chunks) * BigInt(PAYLOAD_CHUNK_BYTES) + BigInt(this.#buffered)
  }

  #isComplete = false

  /** Goes on behind what is here already. */
  async resume({ available }: { readonly available: bigint }): Promise<void> {
    if (available === this.#entry.payloadLength) {
      this.#isComplete = true
      this.#end()
      return
    }
    for (let left = available; left > 0n; left -= BigInt(PAYLOAD_CHUNK_BYTES)) {
      this.#hasher.update(await this.#sink.read(this.#chunks))
      this.#chunks += 1
    }
    this.#kept = this.#chunks
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#turns.take(() => this.#write(bytes))
  }

  close(): Promise<void> {
    return this.#turns.take(() => this.#close())
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return
    if (this.#isDone) throw willowError('ERR_ENTRY_GONE', 'the writer of the payload has ended')
    const { payloadLength } = this.#entry
    try {
      if (this.offset + BigInt(bytes.length) > payloadLength) await this.#refuse('is longer')
      for (let at = 0; at < bytes.length;) {
        const taken = this.#take(bytes.subarray(at))
        at += taken
        const isLast = this.offset === payloadLength
        if (this.#buffered === PAYLOAD_CHUNK_BYTES || isLast) await this.#flush()
      }
      if (this.#isFull) await this.#complete()
    } catch (error) {
      await this.#sink.abandon()
      this.#end()
      throw error
    }
  }

  get #isFull(): boolean {
    return this.#flushedBytes === this.#entry.payloadLength
  }

  #flushedBytes = 0n

  /** Buffers as much as a piece has room for; tells how much. */
  #take(bytes: Uint8Array): number {
    if (this.#buffer.length === 0) {
      const left = this.#entry.payloadLength - this.offset
      const size = left < BigInt(PAYLOAD_CHUNK_BYTES) ? Number(left) : PAYLOAD_CHUNK_BYTES
      this.#buffer = new Uint8Array(size)
    }
    const part = bytes.subarray(0, this.#buffer.length - this.#buffered)
    this.#buffer.set(part, this.#buffered)
    this.#buffered += part.length
    return part.length
  }

  async #flush(): Promise<void> {
    const chunk = this.#buffer.subarray(0, this.#buffered)
    this.#hasher.update(chunk)
    await this.#sink.append(this.#chunks, chunk)
    this.#flushedBytes = BigInt(this.#chunks) * BigInt(PAYLOAD_CHUNK_BYTES) + BigInt(chunk.length)
    chunk.fill(0)
    this.#buffer = new Uint8Array(0)
    this.#buffered = 0
    this.#chunks += 1
  }

  async #complete(): Promise<void> {
    if (!bytesEqual(this.#hasher.digest(), this.#entry.payloadDigest)) {
      await this.#refuse('has another digest')
    }
    await this.#sink.keep(this.#entry.payloadLength)
    this.#isComplete = true
    this.#end()
  }

  async #refuse(why: string): Promise<never> {
    await this.#sink.discard()
    throw willowError('ERR_PAYLOAD_MISMATCH', `what arrived ${why} than the entry says`)
  }

  async #close(): Promise<void> {
    if (this.#isDone) return
    try {
      if (this.#chunks > this.#kept) {
        await this.#sink.keep(BigInt(this.#chunks) * BigInt(PAYLOAD_CHUNK_BYTES))
      }
    } catch (error) {
      await this.#sink.abandon()
      throw error
    } finally {
      this.#end()
    }
  }

  #end(): void {
    this.#isDone = true
    this.#buffer.fill(0)
    this.#sink.release()
  }
}
