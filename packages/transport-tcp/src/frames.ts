/**
 * Frames on the TLS stream: a 32-bit big-endian length, one byte that names the
 * lane, and the message. The length counts the lane byte. `docs/wire-formats/tcp.md`
 * has it byte by byte.
 */
import { TransportError } from '@vudo/transport'
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from './limits.ts'

/** What a frame is for. */
export const lanes = {
  /** A message of the application: 1 byte or more. */
  data: 0,
  /** A message between the two swarms: 1 byte or more. */
  control: 1,
  /** The last frame of a clean end. Empty. */
  goodbye: 2,
  /** The first frame of the side that was dialled: it has checked the dialler. Empty. */
  ready: 3,
} as const

/** One of {@link lanes}. */
export type Lane = (typeof lanes)[keyof typeof lanes]

/** A complete frame; `bytes` is a buffer of its own and belongs to the receiver. */
export interface Frame {
  readonly lane: Lane
  readonly bytes: Uint8Array
}

/**
 * A message behind its header, in a new buffer.
 *
 * @param message - The caller keeps it.
 */
export function encodeFrame(lane: Lane, message: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length)
  writeHeader(frame, 0, lane, message.length)
  frame.set(message, FRAME_HEADER_BYTES)
  return frame
}

/** Writes what goes in front of a message of `messageBytes`: `FRAME_HEADER_BYTES` from `at` on. */
export function writeHeader(target: Buffer, at: number, lane: Lane, messageBytes: number): void {
  const length = 1 + messageBytes
  // By hand: Buffer's own method checks, and allocates for it.
  target[at] = length >>> 24
  target[at + 1] = length >>> 16
  target[at + 2] = length >>> 8
  target[at + 3] = length
  target[at + 4] = lane
}

/** Takes a stream apart into frames. Holds at most one unfinished frame. */
export interface FrameDecoder {
  /**
   * Hands every frame that `chunk` completes to `onFrame`, in order.
   *
   * @param chunk - Copied from; the caller keeps it.
   * @throws `TransportError` `ERR_PEER_PROTOCOL` at the fourth byte of a length that
   *   is 0 or above `MAX_FRAME_BYTES`, before anything is allocated, and at an unknown
   *   lane or a wrong size for the lane. The decoder is of no use afterwards.
   */
  push(chunk: Uint8Array): void
}

/** Makes a decoder for one direction of one connection. */
export function createFrameDecoder(onFrame: (frame: Frame) => void): FrameDecoder {
  return new Decoder(onFrame)
}

class Decoder implements FrameDecoder {
  readonly #onFrame: (frame: Frame) => void
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #headerFilled = 0
  #lane: Lane = lanes.data
  /** The message under construction; none while a header is awaited. */
  #message: Uint8Array | undefined
  #messageFilled = 0

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      at = this.#message ? this.#takeMessage(chunk, at) : this.#takeHeader(chunk, at)
    }
  }

  #takeHeader(chunk: Uint8Array, from: number): number {
    let at = from
    while (at < chunk.length && this.#headerFilled < FRAME_HEADER_BYTES) {
      this.#header[this.#headerFilled++] = chunk[at++]!
      if (this.#headerFilled === 4) this.#length()
    }
    if (this.#headerFilled === FRAME_HEADER_BYTES) this.#begin()
    return at
  }

  #length(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#header
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
    if (length > 0 && length <= MAX_FRAME_BYTES) return length
    throw broken(`a frame says it has ${length} bytes, expected 1 to ${MAX_FRAME_BYTES}`)
  }

  #begin(): void {
    const size = this.#length() - 1
    this.#lane = checkedLane(this.#header[4]!, size)
    this.#headerFilled = 0
    if (size === 0) return this.#onFrame({ lane: this.#lane, bytes: new Uint8Array() })
    // All of it at once, although only the claim is there: the peer is proven, the claim is
    // at most 1 MiB, and a message that grows piece by piece is copied twice.
    this.#message = new Uint8Array(size)
    this.#messageFilled = 0
  }

  #takeMessage(chunk: Uint8Array, from: number): number {
    const message = this.#message!
    const to = Math.min(chunk.length, from + message.length - this.#messageFilled)
    const isWhole = from === 0 && to === chunk.length
    message.set(isWhole ? chunk : chunk.subarray(from, to), this.#messageFilled)
    this.#messageFilled += to - from
    if (this.#messageFilled === message.length) {
      this.#message = undefined
      this.#onFrame({ lane: this.#lane, bytes: message })
    }
    return to
  }
}

function checkedLane(value: number, size: number): Lane {
  if (value === lanes.data || value === lanes.control) {
    if (size === 0) throw broken('a message is empty')
    return value
  }
  if (value === lanes.goodbye || value === lanes.ready) {
    if (size > 0) throw broken(`a frame of lane ${value} has ${size} bytes, expected none`)
    return value
  }
  throw broken(`a frame names lane ${value}, expected 0 to 3`)
}

function broken(message: string): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', message)
}
