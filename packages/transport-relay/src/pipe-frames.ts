/**
 * What two clients say to each other through the relay, inside send frames: virtual
 * connections, each with an id of its own, frames counted, and credit.
 */
import { TransportError } from '@vudo/transport'
import { bytesToHex } from '@vudo/wire'
import { PIPE_ID_BYTES } from './limits.ts'
import { beginSend, PAYLOAD_OFFSET } from './wire.ts'

const kinds = { open: 0, data: 1, credit: 2, close: 3 } as const
const headBytes = 1 + PIPE_ID_BYTES

/** Bytes that a message of a pipe costs beyond itself, inside a send frame. */
export const DATA_OVERHEAD_BYTES: number = PAYLOAD_OFFSET + headBytes + 4

/** One of these frames; `pipe` is the id in hex. */
export type PipeFrame =
  | { readonly kind: 'open'; readonly pipe: string }
  | {
      readonly kind: 'data'
      readonly pipe: string
      /** Counts the data frames of this direction, from 0. */
      readonly sequence: number
      readonly message: Uint8Array
    }
  | {
      readonly kind: 'credit'
      readonly pipe: string
      readonly frames: number
      readonly bytes: number
    }
  | { readonly kind: 'close'; readonly pipe: string }

/** Whom a frame is for: the far end's end point, and the pipe's id. */
export interface PipeAddress {
  readonly endpoint: Uint8Array
  readonly id: Uint8Array
}

/** Opens a pipe; data may follow at once, within the initial credit. */
export function encodeOpen(to: PipeAddress): Uint8Array {
  return begin(to, kinds.open, 0)
}

/** One message, copied. */
export function encodeData(to: PipeAddress, sequence: number, message: Uint8Array): Uint8Array {
  const frame = begin(to, kinds.data, 4 + message.length)
  const at = PAYLOAD_OFFSET + headBytes
  new DataView(frame.buffer).setUint32(at, sequence)
  frame.set(message, at + 4)
  return frame
}

/** Lets the far end send so much more. */
export function encodeCredit(to: PipeAddress, frames: number, bytes: number): Uint8Array {
  const frame = begin(to, kinds.credit, 6)
  const view = new DataView(frame.buffer)
  view.setUint16(PAYLOAD_OFFSET + headBytes, frames)
  view.setUint32(PAYLOAD_OFFSET + headBytes + 2, bytes)
  return frame
}

/** Ends a pipe, or says that there is none of this id. */
export function encodeClose(to: PipeAddress): Uint8Array {
  return begin(to, kinds.close, 0)
}

function begin({ endpoint, id }: PipeAddress, kind: number, bodyBytes: number): Uint8Array {
  const frame = beginSend(endpoint, headBytes + bodyBytes)
  frame[PAYLOAD_OFFSET] = kind
  frame.set(id, PAYLOAD_OFFSET + 1)
  return frame
}

/**
 * Reads the payload of a delivered frame. The message is a view of it.
 *
 * @throws `TransportError` `ERR_PEER_PROTOCOL`.
 */
export function decodePipeFrame(payload: Uint8Array): PipeFrame {
  if (payload.length < headBytes) throw broken()
  const pipe = bytesToHex(payload.subarray(1, headBytes))
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const [kind] = payload
  if (kind === kinds.open && payload.length === headBytes) return { kind: 'open', pipe }
  if (kind === kinds.close && payload.length === headBytes) return { kind: 'close', pipe }
  if (kind === kinds.data && payload.length > headBytes + 4) {
    const sequence = view.getUint32(headBytes)
    return { kind: 'data', pipe, sequence, message: payload.subarray(headBytes + 4) }
  }
  if (kind === kinds.credit && payload.length === headBytes + 6) {
    const frames = view.getUint16(headBytes)
    return { kind: 'credit', pipe, frames, bytes: view.getUint32(headBytes + 2) }
  }
  throw broken()
}

function broken(): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', 'the peer sent what is no frame of a pipe')
}
