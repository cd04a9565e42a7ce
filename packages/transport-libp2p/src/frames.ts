/**
 * Frames on a stream: a 32-bit big-endian length, one byte that names the lane, and
 * the message. The length counts the lane byte. `docs/wire-formats/libp2p.md` has it
 * byte by byte; the length prefix is that of `docs/wire-formats/frames.md`.
 */
import { createFrameDecoder, isWireError } from '@vudo/wire'
import { TransportError } from '@vudo/transport'
import { CREDIT_BYTES, FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from './limits.ts'

/** What a frame is for. */
export const lanes = {
  /** A message of the application: 1 byte or more. */
  data: 0,
  /** A message between the two swarms: 1 byte or more. */
  control: 1,
  /** The last frame of a clean end. Empty. */
  goodbye: 2,
  /** The first frame of the side that was dialled: it takes the link. Empty. */
  ready: 3,
  /** How much room the receiver has again, as a 32-bit number; see `credit.ts`. */
  credit: 4,
} as const

/** One of {@link lanes}. */
export type Lane = (typeof lanes)[keyof typeof lanes]

/** A complete frame; `bytes` belongs to the receiver. */
export interface Frame {
  readonly lane: Lane
  readonly bytes: Uint8Array
}

/**
 * A message behind its header, in a new buffer. A copy, because the stack keeps what
 * it is given until it is encrypted, at a time that nobody tells.
 *
 * @param message - The caller keeps it.
 */
export function encodeFrame(lane: Lane, message: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length)
  frame.writeUInt32BE(1 + message.length)
  frame[4] = lane
  frame.set(message, FRAME_HEADER_BYTES)
  return frame
}

/** Takes a stream apart into frames. Holds at most one unfinished frame. */
export interface FrameReader {
  /**
   * Hands every frame that `chunk` completes to `onFrame`, in order.
   *
   * @param chunk - Copied from; the caller keeps it.
   * @throws `TransportError` `ERR_PEER_PROTOCOL` at the fourth byte of a length that is 0
   *   or above `MAX_FRAME_BYTES`, and at an unknown lane or a wrong size for the lane.
   *   The reader is of no use afterwards.
   */
  push(chunk: Uint8Array): void
}

/** Makes a reader for one direction of one link. */
export function createFrameReader(onFrame: (frame: Frame) => void): FrameReader {
  const decoder = createFrameDecoder({ maxFrameBytes: MAX_FRAME_BYTES })
  return {
    push(chunk) {
      try {
        for (const bytes of decoder.push(chunk)) onFrame(toFrame(bytes, chunk))
      } catch (cause) {
        if (!isWireError(cause)) throw cause
        throw new TransportError('ERR_PEER_PROTOCOL', cause.message, { cause })
      }
    },
  }
}

function toFrame(bytes: Uint8Array, chunk: Uint8Array): Frame {
  const lane = checkedLane(bytes[0]!, bytes.length - 1)
  // A frame out of several chunks has a buffer of its own; one within a chunk shares its memory with its neighbours.
  const isShared = bytes.buffer === chunk.buffer
  return { lane, bytes: isShared ? bytes.slice(1) : bytes.subarray(1) }
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
  if (value === lanes.credit) {
    if (size !== CREDIT_BYTES) throw broken(`a credit has ${size} bytes, expected ${CREDIT_BYTES}`)
    return value
  }
  throw broken(`a frame names lane ${value}, expected 0 to 4`)
}

function broken(message: string): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', message)
}
