/**
 * Frames on the QUIC stream: a 32-bit big-endian length, one byte that names the lane,
 * and the message. The length counts the lane byte. `docs/wire-formats/iroh.md` has it
 * byte by byte.
 */
import { TransportError } from '@vudo/transport'
import { createFrameDecoder, encodeFrameHeader, type FrameDecoder } from '@vudo/wire'
import { MAX_FRAME_BYTES } from './limits.ts'

/** What a frame is for. */
export const lanes = {
  /** A message of the application: 1 byte or more. */
  data: 0,
  /** A message between the two swarms: 1 byte or more. */
  control: 1,
  /** The last frame of a clean end. Empty. */
  goodbye: 2,
  /** The first frame of each side. Empty. */
  ready: 3,
} as const

/** One of {@link lanes}. */
export type Lane = (typeof lanes)[keyof typeof lanes]

/** A complete frame; `bytes` is a buffer of its own and belongs to the receiver. */
export interface Frame {
  readonly lane: Lane
  readonly bytes: Uint8Array
}

/** A message behind its header and lane, in a new buffer. The caller keeps the message. */
export function encodeFrame(lane: Lane, message: Uint8Array): Uint8Array {
  const header = encodeFrameHeader(1 + message.length)
  const frame = new Uint8Array(header.length + 1 + message.length)
  frame.set(header)
  frame[header.length] = lane
  frame.set(message, header.length + 1)
  return frame
}

/** Takes a stream apart into frames. Holds at most one unfinished frame. */
export interface LaneDecoder {
  /**
   * The frames that `chunk` completes, in order.
   *
   * @param chunk - The caller keeps it.
   * @throws `TransportError` `ERR_PEER_PROTOCOL` at the fourth byte of a length that is
   *   0 or above `MAX_FRAME_BYTES`, before anything is allocated, and at an unknown lane
   *   or a wrong size for the lane. The decoder is of no use afterwards.
   */
  push(chunk: Uint8Array): Frame[]
}

/** Makes a decoder for one direction of one connection. */
export function createLaneDecoder(): LaneDecoder {
  return new Decoder()
}

class Decoder implements LaneDecoder {
  readonly #frames: FrameDecoder = createFrameDecoder({ maxFrameBytes: MAX_FRAME_BYTES })

  push(chunk: Uint8Array): Frame[] {
    try {
      return Array.from(this.#frames.push(chunk), toLane)
    } catch (cause) {
      if (cause instanceof TransportError) throw cause
      throw broken(cause instanceof Error ? cause.message : 'a frame is broken', cause)
    }
  }
}

/** A copy, so that a small message does not keep the chunk alive in which it came. */
function toLane(frame: Uint8Array): Frame {
  const lane = checkedLane(frame[0], frame.length - 1)
  return { lane, bytes: frame.slice(1) }
}

function checkedLane(value: number | undefined, size: number): Lane {
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

function broken(message: string, cause?: unknown): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', message, { cause })
}
