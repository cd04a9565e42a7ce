/**
 * Length-prefixed frames: how whole messages travel over a stream of bytes. Each
 * is its length as an unsigned 32-bit number, big endian, and so many bytes.
 *
 * What a hostile peer cannot do: have memory allocated by claiming a length, make
 * the length negative, send frames of nothing for ever, or make one-byte chunks
 * cost more than linear time. The format is in `docs/wire-formats/frames.md`.
 */
import { WireError } from './errors.ts'
import { FRAME_HEADER_BYTES, MAX_CLAIMED_BYTES, MAX_FRAME_LENGTH } from './limits.ts'

/** Turns chunks of a stream, cut anywhere, back into frames. */
export interface FrameDecoder {
  /** Bytes held for a frame (or header) that is not complete. */
  readonly pendingBytes: number
  /**
   * The frames that `chunk` completes, one at a time, so that a slow reader holds
   * the next one back. Nothing happens before the iteration: run it to its end
   * before the next `push`. Leaving it while
   * bytes of the chunk are left gives the stream up.
   *
   * A frame that lies within one chunk is a VIEW of the chunk's memory; one that
   * spans chunks has a buffer of its own. So the caller of `push` must own the
   * chunk, and hands each frame on as its own only if she does not reuse chunks.
   *
   * @param chunk - 0 bytes or more. Do not change it while its frames are in use.
   * @throws `WireError` `ERR_FRAME_TOO_LARGE` or `ERR_FRAME_EMPTY`, at the fourth
   *   byte of the header. The stream cannot be resumed: close it.
   * @throws `TypeError` when an earlier iteration was left early or has failed.
   */
  push(chunk: Uint8Array): Iterable<Uint8Array>
}

/** What {@link createFrameDecoder} takes. */
export interface FrameDecoderInit {
  /** The largest frame to accept, in bytes: 1 to 4,294,967,295. */
  readonly maxFrameBytes: number
}

/**
 * Makes a decoder for one stream.
 *
 * @throws `RangeError` when `maxFrameBytes` is out of range.
 */
export function createFrameDecoder(init: FrameDecoderInit): FrameDecoder {
  return new StreamDecoder(init.maxFrameBytes)
}

/**
 * The 4 bytes that go in front of a frame, in a new buffer. Apart from the frame,
 * so that a large message is not copied: write both.
 *
 * @param length - Bytes of the frame: 1 to 4,294,967,295.
 * @throws `RangeError` for any other number.
 */
export function encodeFrameHeader(length: number): Uint8Array {
  checkLength(length, 'frame length')
  return Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length)
}

function checkLength(value: number, name: string): void {
  if (!Number.isInteger(value) || value < 1 || value > MAX_FRAME_LENGTH) {
    throw new RangeError(`${name} is ${value}, expected an integer from 1 to ${MAX_FRAME_LENGTH}`)
  }
}

const nothing = new Uint8Array(0)

class StreamDecoder implements FrameDecoder {
  readonly #maxFrameBytes: number
  /** Header bytes seen of the frame under way. */
  #headerBytes = 0
  /** The length read so far. */
  #length = 0
  /** Holds a frame that spans chunks; its first `#filled` bytes are there. */
  #buffer: Uint8Array = nothing
  #filled = 0
  #isUnfinished = false

  constructor(maxFrameBytes: number) {
    checkLength(maxFrameBytes, 'maxFrameBytes')
    this.#maxFrameBytes = maxFrameBytes
  }

  get pendingBytes(): number {
    return this.#headerBytes + this.#filled
  }

  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    if (this.#isUnfinished) throw new TypeError('the iteration before was not run to its end')
    let at = 0
    this.#isUnfinished = true
    while (at < chunk.length) {
      if (this.#headerBytes < FRAME_HEADER_BYTES) {
        this.#readHeaderByte(chunk[at++] ?? 0)
        continue
      }
      const missing = this.#length - this.#filled
      const end = Math.min(chunk.length, at + missing)
      const part = chunk.subarray(at, end)
      at = end
      if (part.length < missing) this.#keep(part)
      else {
        const frame = this.#complete(part)
        // Who leaves after the last frame loses nothing.
        this.#isUnfinished = at < chunk.length
        yield frame
      }
    }
    this.#isUnfinished = false
  }

  #readHeaderByte(byte: number): void {
    this.#length = this.#length * 256 + byte
    this.#headerBytes++
    if (this.#headerBytes < FRAME_HEADER_BYTES) return
    if (this.#length === 0) throw new WireError('ERR_FRAME_EMPTY', 'frame has 0 bytes')
    if (this.#length > this.#maxFrameBytes) {
      const message = `frame claims ${this.#length} bytes, expected at most ${this.#maxFrameBytes}`
      throw new WireError('ERR_FRAME_TOO_LARGE', message)
    }
  }

  /** The frame that `part` completes; the decoder is ready for the next one. */
  #complete(part: Uint8Array): Uint8Array {
    let frame = part
    if (this.#filled > 0) {
      this.#keep(part)
      frame = this.#buffer
    }
    this.#headerBytes = 0
    this.#length = 0
    this.#buffer = nothing
    this.#filled = 0
    return frame
  }

  #keep(part: Uint8Array): void {
    const needed = this.#filled + part.length
    if (needed > this.#buffer.length) this.#grow(needed)
    this.#buffer.set(part, this.#filled)
    this.#filled = needed
  }

  /**
   * The whole frame at once when it is small or has arrived; else double of what
   * has arrived, which keeps the copying linear and the claim without power.
   */
  #grow(needed: number): void {
    const size = Math.min(this.#length, Math.max(MAX_CLAIMED_BYTES, 2 * needed))
    const grown = new Uint8Array(size)
    grown.set(this.#buffer.subarray(0, this.#filled))
    this.#buffer = grown
  }
}
