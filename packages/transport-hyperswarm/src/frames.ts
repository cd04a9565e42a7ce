/**
 * Frames on the encrypted stream: a 32-bit big-endian length, one byte that names the lane, and
 * the message. The length counts the lane byte. `docs/wire-formats/hyperswarm.md` has it byte by byte.
 */
import { MAX_MESSAGE_BYTES, TransportError } from '@vudo/transport'
import { createFrameDecoder as createWireDecoder, isWireError } from '@vudo/wire'
import {
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  MIN_FRAME_COST_BYTES,
  RECORD_BYTES,
} from './limits.ts'

/** What a frame is for. */
export const lanes = {
  /** A message of the application: 1 byte or more. */
  data: 0,
  /** A message between the two swarms: 1 byte or more. */
  control: 1,
  /** The last frame of a clean end. Empty. */
  goodbye: 2,
  /** The first frame of each side: which protocol it speaks. */
  greeting: 3,
  /** How much of the window is free again: 4 bytes. */
  credit: 4,
} as const

/** One of {@link lanes}. */
export type Lane = (typeof lanes)[keyof typeof lanes]

/** A complete frame; `bytes` is a buffer of its own and belongs to the receiver. */
export interface Frame {
  readonly lane: Lane
  readonly bytes: Uint8Array
}

/** What both sides say first; a later version of the protocol gets another name. */
export const PROTOCOL = 'vudo/1'

/** Writes a frame to `target` from `at` on, and gives the place behind it. */
export function writeFrame(target: Buffer, at: number, { lane, bytes }: Frame): number {
  target.writeUInt32BE(1 + bytes.length, at)
  target[at + 4] = lane
  target.set(bytes, at + FRAME_HEADER_BYTES)
  return at + FRAME_HEADER_BYTES + bytes.length
}

/** What a message of `messageBytes` takes of the window, in bytes. */
export function frameCost(messageBytes: number): number {
  return Math.max(MIN_FRAME_COST_BYTES, FRAME_HEADER_BYTES + messageBytes)
}

/** The message of a credit frame, in a new buffer. */
export function encodeCredit(bytes: number): Uint8Array {
  const message = Buffer.allocUnsafe(4)
  message.writeUInt32BE(bytes)
  return message
}

/** Reads the message of a credit frame, which has 4 bytes. */
export function decodeCredit(message: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = message
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}

/** Takes a stream apart into frames. Holds at most one unfinished frame. */
export interface FrameDecoder {
  /**
   * Hands every frame that `chunk` completes to `onFrame`, in order.
   *
   * @param chunk - Taken over when it is the whole of an encrypted record that has memory of its
   *   own, else copied from: the caller may not use it afterwards.
   * @throws `TransportError` `ERR_PEER_PROTOCOL` at the fourth byte of a length that is 0 or
   *   above `MAX_FRAME_BYTES`, before anything is allocated, and at an unknown lane or a wrong
   *   size for the lane. The decoder is of no use afterwards.
   */
  push(chunk: Uint8Array): void
}

/** Makes a decoder for one direction of one connection. */
export function createFrameDecoder(onFrame: (frame: Frame) => void): FrameDecoder {
  const decoder = createWireDecoder({ maxFrameBytes: MAX_FRAME_BYTES })
  return {
    push(chunk) {
      try {
        for (const frame of decoder.push(chunk)) {
          const lane = checkedLane(frame[0], frame.length - 1)
          onFrame({ lane, bytes: ownMessage(frame, chunk) })
        }
      } catch (error) {
        if (isWireError(error)) throw broken(error.message, error)
        throw error
      }
    },
  }
}

/**
 * The message of a frame, in memory that nobody else uses. The library reads packets into slabs
 * that it goes on to fill, so what lies in one is copied. A record that came in several packets has
 * memory of its own, with nothing but its tag (1 byte) and code (16 bytes) around it: one frame
 * alone in there is handed on as it is, which saves 6 % of the receiver's time at 64 KiB.
 */
function ownMessage(frame: Uint8Array, chunk: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = frame
  const isCopied = buffer !== chunk.buffer
  const isAlone =
    byteLength + 4 === chunk.byteLength && buffer.byteLength === chunk.byteLength + RECORD_BYTES
  if (isCopied || isAlone) return new Uint8Array(buffer, byteOffset + 1, byteLength - 1)
  return new Uint8Array(frame.subarray(1))
}

/** Least and most bytes of a message, by lane. */
const sizes: readonly (readonly [number, number])[] = [
  [1, MAX_MESSAGE_BYTES],
  [1, MAX_MESSAGE_BYTES],
  [0, 0],
  [1, MAX_MESSAGE_BYTES],
  [4, 4],
]

function checkedLane(value: number | undefined, size: number): Lane {
  if (!isLane(value)) throw broken(`a frame names lane ${value}, expected 0 to 4`)
  const [least = 0, most = 0] = sizes[value] ?? []
  if (size >= least && size <= most) return value
  throw broken(`a frame of lane ${value} has ${size} bytes, expected ${least} to ${most}`)
}

function isLane(value: number | undefined): value is Lane {
  return value !== undefined && value < sizes.length
}

function broken(message: string, cause?: Error): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', message, { cause })
}
