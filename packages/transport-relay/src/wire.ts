/**
 * Frames between a client and a relay, as the client sees them: it writes its own and reads
 * the relay's. One WebSocket message is one frame; byte by byte in
 * `docs/wire-formats/relay.md`.
 */
import { TransportError } from '@vudo/transport'
import { bytesToHex, concatBytes } from '@vudo/wire'
import {
  ENDPOINT_BYTES,
  INSTANCE_BYTES,
  MAX_FRAME_BYTES,
  MAX_TOKEN_BYTES,
  MIN_FRAME_BYTES,
  PROTOCOL_VERSION,
} from './limits.ts'

const types = {
  auth: 0x01,
  join: 0x02,
  leave: 0x03,
  send: 0x04,
  ping: 0x05,
  challenge: 0x81,
  welcome: 0x82,
  denied: 0x83,
  members: 0x84,
  gone: 0x85,
  deliver: 0x86,
  reset: 0x87,
  pong: 0x88,
  moved: 0x89,
} as const

/** Offset of the payload in a frame that is sent or delivered. */
export const PAYLOAD_OFFSET: number = 1 + ENDPOINT_BYTES

const topicBytes = 32
const challengeBytes = 32
const maxReasonBytes = 200

/** What a relay says. Bytes are views of the frame; end points and topics are lower-case hex. */
export type RelayFrame =
  | { readonly type: 'challenge'; readonly version: number; readonly challenge: Uint8Array }
  | {
      readonly type: 'welcome'
      readonly maxFrameBytes: number
      /** Topics that the client may have joined at one time; the relay drops further joins without a word. */
      readonly maxTopics: number
      readonly idleMs: number
    }
  | { readonly type: 'denied'; readonly denial: number; readonly reason: string }
  | {
      readonly type: 'members'
      readonly topic: string
      readonly isComplete: boolean
      readonly endpoints: readonly string[]
    }
  | { readonly type: 'gone'; readonly topic: string; readonly endpoints: readonly string[] }
  | { readonly type: 'deliver'; readonly from: string; readonly payload: Uint8Array }
  | { readonly type: 'reset'; readonly endpoint: string; readonly reason: number }
  | { readonly type: 'pong' }
  | { readonly type: 'moved' }

/** What the client proves its key with. */
export interface Proof {
  readonly key: Uint8Array
  readonly instance: Uint8Array
  readonly signature: Uint8Array
  readonly host: string
  readonly token: Uint8Array
}

/** The first frame. */
export function encodeAuth({ key, instance, signature, host, token }: Proof): Uint8Array {
  if (token.length > MAX_TOKEN_BYTES) throw new RangeError('token is too long')
  const name = new TextEncoder().encode(host)
  return concatBytes(
    Uint8Array.of(types.auth),
    key,
    instance,
    signature,
    Uint8Array.of(name.length),
    name,
    Uint8Array.of(token.length >> 8, token.length & 0xff),
    token,
  )
}

/**
 * What the signature covers, under the tag `vudo/relay-challenge/1`: the host as dialled, the
 * challenge and the instance. With the host in it, a hostile relay cannot use it at another.
 */
export function challengeMessage(
  host: string,
  challenge: Uint8Array,
  instance: Uint8Array,
): Uint8Array {
  const name = new TextEncoder().encode(host)
  return concatBytes(Uint8Array.of(name.length), name, challenge, instance)
}

/** Joins a topic, or changes how. */
export function encodeJoin(
  topic: Uint8Array,
  how: { readonly isListed: boolean; readonly isWatching: boolean },
): Uint8Array {
  const flags = (how.isListed ? 1 : 0) | (how.isWatching ? 2 : 0)
  return concatBytes(Uint8Array.of(types.join), topic, Uint8Array.of(flags))
}

/** Leaves a topic. */
export function encodeLeave(topic: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(types.leave), topic)
}

/** Begins a frame for `endpoint` with room for `payloadBytes`, which the caller fills from {@link PAYLOAD_OFFSET} on. */
export function beginSend(endpoint: Uint8Array, payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(PAYLOAD_OFFSET + payloadBytes)
  frame[0] = types.send
  frame.set(endpoint, 1)
  return frame
}

/** Asks for a sign of life. */
export function encodePing(nonce: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(types.ping), nonce)
}

/**
 * Reads a frame of a relay; `undefined` for a type that this version does not know, which a
 * newer relay may send.
 *
 * @throws `TransportError` `ERR_PEER_PROTOCOL`.
 */
export function decodeRelayFrame(bytes: Uint8Array): RelayFrame | undefined {
  if (bytes.length > MAX_FRAME_BYTES) throw broken('a frame that is too large')
  switch (bytes[0]) {
    case types.deliver:
      return decodeDeliver(bytes)
    case types.challenge:
      return decodeChallenge(bytes)
    case types.welcome:
      return decodeWelcome(bytes)
    case types.denied:
      return decodeDenied(bytes)
    case types.members:
      return decodeMembers(bytes)
    case types.gone:
      return decodeGone(bytes)
    case types.reset:
      return decodeReset(bytes)
    case types.pong:
      return { type: 'pong' }
    case types.moved:
      return { type: 'moved' }
    default:
      return undefined
  }
}

function decodeDeliver(bytes: Uint8Array): RelayFrame {
  if (bytes.length <= PAYLOAD_OFFSET) throw broken('a delivery without content')
  const from = bytesToHex(bytes.subarray(1, PAYLOAD_OFFSET))
  return { type: 'deliver', from, payload: bytes.subarray(PAYLOAD_OFFSET) }
}

function decodeChallenge(bytes: Uint8Array): RelayFrame {
  const [, version = 0] = bytes
  // Only the first byte is the same in all versions.
  if (version === PROTOCOL_VERSION && bytes.length !== 2 + challengeBytes) {
    throw broken('a challenge of another length')
  }
  return { type: 'challenge', version, challenge: bytes.subarray(2) }
}

function decodeWelcome(bytes: Uint8Array): RelayFrame {
  if (bytes.length !== 9) throw broken('a welcome of another length')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const maxFrameBytes = Math.min(view.getUint32(1), MAX_FRAME_BYTES)
  const idleMs = view.getUint16(7) * 1_000
  if (maxFrameBytes < MIN_FRAME_BYTES || idleMs === 0)
    throw broken('a welcome that lets nothing in')
  return { type: 'welcome', maxFrameBytes, maxTopics: view.getUint16(5), idleMs }
}

function decodeDenied(bytes: Uint8Array): RelayFrame {
  const text = new TextDecoder().decode(bytes.subarray(2, 2 + maxReasonBytes))
  // Shown to people: a relay must not steer their terminal.
  const reason = text.replaceAll(/[^\x20-\x7e]/g, '?')
  return { type: 'denied', denial: bytes[1] ?? 0, reason }
}

function decodeMembers(bytes: Uint8Array): RelayFrame {
  const at = 2 + topicBytes
  return {
    type: 'members',
    topic: topicAt(bytes),
    isComplete: bytes[1 + topicBytes] === 1,
    endpoints: endpointsAt(bytes, at),
  }
}

function decodeGone(bytes: Uint8Array): RelayFrame {
  return { type: 'gone', topic: topicAt(bytes), endpoints: endpointsAt(bytes, 1 + topicBytes) }
}

function decodeReset(bytes: Uint8Array): RelayFrame {
  if (bytes.length !== 2 + ENDPOINT_BYTES) throw broken('a reset of another length')
  const endpoint = bytesToHex(bytes.subarray(1, 1 + ENDPOINT_BYTES))
  return { type: 'reset', endpoint, reason: bytes[1 + ENDPOINT_BYTES] ?? 0 }
}

function topicAt(bytes: Uint8Array): string {
  return bytesToHex(bytes.subarray(1, 1 + topicBytes))
}

function endpointsAt(bytes: Uint8Array, at: number): string[] {
  const count = (bytes.length - at) / ENDPOINT_BYTES
  if (!Number.isInteger(count) || count < 0) throw broken('a list that is cut off')
  return Array.from({ length: count }, (_, i) =>
    bytesToHex(bytes.subarray(at + i * ENDPOINT_BYTES, at + (i + 1) * ENDPOINT_BYTES)),
  )
}

/** The key in an end point, both in hex. */
export function keyOf(endpoint: string): string {
  return endpoint.slice(0, 2 * (ENDPOINT_BYTES - INSTANCE_BYTES))
}

function broken(what: string): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', `the relay sent ${what}`)
}
