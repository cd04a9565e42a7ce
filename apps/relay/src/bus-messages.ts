/**
 * What relays say to each other over a back-plane: `relay id (8) | kind | body`. On a topic's
 * subject go `who`, `here` and `left`, on that of an end point `data`, `reset` and `entered`.
 */
import { ENDPOINT_BYTES } from './limits.ts'
import { bytesToLatin1, resetReasons, type ResetReason } from './wire.ts'

/** Bytes of a relay's random id. */
export const RELAY_ID_BYTES = 8

const kinds = { who: 1, here: 2, left: 3, data: 4, reset: 5, entered: 6 } as const
const topicBytes = 32
const headBytes = RELAY_ID_BYTES + 1

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

/** Carries a client's send frame, type byte and destination included, from `from`. */
export function encodeData(relay: Uint8Array, from: Uint8Array, sendFrame: Uint8Array): Uint8Array {
  return join(relay, kinds.data, [from, sendFrame])
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

/** Reads a message; `undefined` for what is none: the back-plane may carry a newer relay's. */
export function decodeBusMessage(bytes: Uint8Array): BusMessage | undefined {
  const relay = bytesToLatin1(bytes.subarray(0, RELAY_ID_BYTES))
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
