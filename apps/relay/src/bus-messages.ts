/**
 * What relays say to each other over a back-plane: `relay id (8) | kind | body`. On a topic's
 * subject go `who`, `here` and `left`, on that of an end point `data`, `frames`, `reset` and `entered`.
 */
import { ENDPOINT_BYTES } from './limits.ts'
import { bytesToLatin1, resetReasons, type ResetReason } from './wire.ts'

/** Bytes of a relay's random id. */
export const RELAY_ID_BYTES = 8

const kinds = { who: 1, here: 2, left: 3, data: 4, reset: 5, entered: 6, frames: 7 } as const
const topicBytes = 32
const headBytes = RELAY_ID_BYTES + 1

/** Bytes before each frame in a message with several. */
export const FRAMES_ITEM_BYTES = 4

/** A member as another relay tells of it. */
export interface ToldMember {
  readonly endpoint: string
  readonly isListed: boolean
}

/** One message of another relay. Texts are Latin-1 of the bytes. */
export type BusMessage =
  | { readonly kind: 'who'; readonly relay: string; readonly topic: string }
  | {
      readonly kind: 'here'
      readonly relay: string
      readonly topic: string
      readonly members: readonly ToldMember[]
    }
  | {
      readonly kind: 'left'
      readonly relay: string
      readonly topic: string
      readonly endpoints: readonly string[]
    }
  | {
      readonly kind: 'data'
      readonly relay: string
      readonly to: string
      readonly from: string
      /** A whole deliver frame would begin `PAYLOAD_OFFSET` before the payload; `frame` is that. */
      readonly frame: Uint8Array
    }
  | {
      readonly kind: 'reset'
      readonly relay: string
      readonly to: string
      readonly from: string
      readonly reason: ResetReason
    }
  | { readonly kind: 'entered'; readonly relay: string; readonly endpoint: string }

/** Asks the other relays for their members. */
export function encodeWho(relay: Uint8Array, topic: Uint8Array): Uint8Array {
  return join(relay, kinds.who, [topic])
}

/** Tells of members; each with a byte that says whether others may be told. */
export function encodeHere(
  relay: Uint8Array,
  topic: Uint8Array,
  members: readonly { readonly endpoint: Uint8Array; readonly isListed: boolean }[],
): Uint8Array {
  const parts = members.flatMap(({ endpoint, isListed }) => [
    Uint8Array.of(isListed ? 1 : 0),
    endpoint,
  ])
  return join(relay, kinds.here, [topic, ...parts])
}

/** Tells who has left. */
export function encodeLeft(
  relay: Uint8Array,
  topic: Uint8Array,
  endpoints: readonly Uint8Array[],
): Uint8Array {
  return join(relay, kinds.left, [topic, ...endpoints])
}

/** What stands before each send frame, type byte and destination included, of a client `from`. */
export function encodeDataHead(relay: Uint8Array, from: Uint8Array): Uint8Array {
  return join(relay, kinds.data, [from])
}

/** Resets the pair of `to` and `from`. */
export function encodeBusReset(
  relay: Uint8Array,
  pair: { readonly to: Uint8Array; readonly from: Uint8Array },
  reason: ResetReason,
): Uint8Array {
  return join(relay, kinds.reset, [pair.from, pair.to, Uint8Array.of(reason)])
}

/** Says that a client with this end point has been let in. */
export function encodeEntered(relay: Uint8Array, endpoint: Uint8Array): Uint8Array {
  return join(relay, kinds.entered, [endpoint])
}

/** A client's frame on its way to another relay. */
export interface OutFrame {
  /** See {@link encodeDataHead}. */
  readonly head: Uint8Array
  /** The send frame. */
  readonly frame: Uint8Array
}

/** Makes one message of one or several frames of this relay for one end point. */
export function encodeFrames(frames: readonly OutFrame[]): Uint8Array {
  const [first, second] = frames
  if (!first) throw new RangeError('there is no frame')
  if (!second) return Buffer.concat([first.head, first.frame])
  let size = headBytes
  for (const { frame } of frames) size += FRAMES_ITEM_BYTES + ENDPOINT_BYTES + frame.length
  const bytes = Buffer.allocUnsafe(size)
  bytes.set(first.head.subarray(0, RELAY_ID_BYTES))
  bytes[RELAY_ID_BYTES] = kinds.frames
  let at = headBytes
  for (const { head, frame } of frames) {
    at = bytes.writeUInt32BE(ENDPOINT_BYTES + frame.length, at)
    bytes.set(head.subarray(headBytes), at)
    bytes.set(frame, at + ENDPOINT_BYTES)
    at += ENDPOINT_BYTES + frame.length
  }
  return bytes
}

/**
 * Reads what came in one message: nothing, one thing, or several frames in their order. It passes
 * over what it does not know: the back-plane may carry a newer relay's. Frames are views of `bytes`.
 */
export function decodeBusMessages(bytes: Uint8Array): BusMessage[] {
  const relay = bytesToLatin1(bytes.subarray(0, RELAY_ID_BYTES))
  if (bytes[RELAY_ID_BYTES] === kinds.frames) return framesOf(relay, bytes)
  const message = decodeOne(relay, bytes)
  return message ? [message] : []
}

/** What is cut off at the end is nothing. */
function framesOf(relay: string, bytes: Uint8Array): BusMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const frames: BusMessage[] = []
  let begin = headBytes + FRAMES_ITEM_BYTES
  while (begin <= bytes.length) {
    const end = begin + view.getUint32(begin - FRAMES_ITEM_BYTES)
    if (end > bytes.length) break
    const frame = dataOf(relay, bytes.subarray(begin, end))
    if (frame) frames.push(frame)
    begin = end + FRAMES_ITEM_BYTES
  }
  return frames
}

function decodeOne(relay: string, bytes: Uint8Array): BusMessage | undefined {
  const body = bytes.subarray(headBytes)
  const topic = bytesToLatin1(body.subarray(0, topicBytes))
  const rest = body.subarray(topicBytes)
  switch (bytes[RELAY_ID_BYTES]) {
    case kinds.who:
      return body.length === topicBytes ? { kind: 'who', relay, topic } : undefined
    case kinds.here:
      return { kind: 'here', relay, topic, members: toldMembers(rest) }
    case kinds.left:
      return { kind: 'left', relay, topic, endpoints: cut(rest, ENDPOINT_BYTES).map(bytesToLatin1) }
    case kinds.data:
      return dataOf(relay, body)
    case kinds.reset:
      return resetOf(relay, body)
    case kinds.entered:
      return body.length === ENDPOINT_BYTES
        ? { kind: 'entered', relay, endpoint: bytesToLatin1(body) }
        : undefined
    default:
      return undefined
  }
}

function toldMembers(bytes: Uint8Array): ToldMember[] {
  return cut(bytes, 1 + ENDPOINT_BYTES).map((item) => ({
    isListed: item[0] === 1,
    endpoint: bytesToLatin1(item.subarray(1)),
  }))
}

function dataOf(relay: string, body: Uint8Array): BusMessage | undefined {
  const frame = body.subarray(ENDPOINT_BYTES)
  if (frame.length <= 1 + ENDPOINT_BYTES) return undefined
  const from = bytesToLatin1(body.subarray(0, ENDPOINT_BYTES))
  const to = bytesToLatin1(frame.subarray(1, 1 + ENDPOINT_BYTES))
  return { kind: 'data', relay, to, from, frame }
}

function resetOf(relay: string, body: Uint8Array): BusMessage | undefined {
  if (body.length !== 2 * ENDPOINT_BYTES + 1) return undefined
  const last = body[2 * ENDPOINT_BYTES]
  return {
    kind: 'reset',
    relay,
    from: bytesToLatin1(body.subarray(0, ENDPOINT_BYTES)),
    to: bytesToLatin1(body.subarray(ENDPOINT_BYTES, 2 * ENDPOINT_BYTES)),
    reason: Object.values(resetReasons).find((known) => known === last) ?? resetReasons.gone,
  }
}

/** Whole pieces of `size` bytes; what is left over is nothing. */
function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.floor(bytes.length / size)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

function join(relay: Uint8Array, kind: number, parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([relay, Uint8Array.of(kind), ...parts])
}
