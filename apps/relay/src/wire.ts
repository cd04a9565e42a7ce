/**
 * Frames between a client and the relay, as the relay sees them: it reads the client's and
 * writes its own. One WebSocket message is one frame; byte by byte in
 * `docs/wire-formats/relay.md`.
 */
import { RelayError } from './errors.ts'
import {
  CHALLENGE_BYTES,
  ENDPOINT_BYTES,
  INSTANCE_BYTES,
  MAX_AUTH_BYTES,
  MAX_HOST_CHARACTERS,
  MAX_REASON_BYTES,
  MAX_TOKEN_BYTES,
  PROTOCOL_VERSION,
} from './limits.ts'

/** First bytes of the client's frames. */
export const clientFrames = { auth: 0x01, join: 0x02, leave: 0x03, send: 0x04, ping: 0x05 } as const

/** First bytes of the relay's frames. */
export const relayFrames = {
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

/** Why a pair's virtual connections end. */
export const resetReasons = { unknown: 1, gone: 2, queueFull: 3, gap: 4 } as const

/** One of {@link resetReasons}. */
export type ResetReason = (typeof resetReasons)[keyof typeof resetReasons]

/** Why a client is not let in. */
export const denials = {
  signature: 1,
  host: 2,
  token: 3,
  key: 4,
  full: 5,
  unavailable: 6,
} as const

/** One of {@link denials}. */
export type Denial = (typeof denials)[keyof typeof denials]

/** Offset of the payload in a send or deliver frame. */
export const PAYLOAD_OFFSET: number = 1 + ENDPOINT_BYTES

/** Bytes of a topic. */
const topicBytes = 32

/** A client's proof that it holds its key. */
export interface AuthFrame {
  /** 48 bytes: key and instance. A view of the frame. */
  readonly endpoint: Uint8Array
  readonly key: Uint8Array
  readonly instance: Uint8Array
  readonly signature: Uint8Array
  /** The relay's host as the client dialled it: printable ASCII. */
  readonly host: string
  readonly token: Uint8Array
}

/** What a client may say once it is let in, but for `send`, which is passed on without being taken apart. */
export type ClientFrame =
  | {
      readonly type: 'join'
      readonly topic: string
      readonly isListed: boolean
      readonly isWatching: boolean
    }
  | { readonly type: 'leave'; readonly topic: string }
  | { readonly type: 'ping'; readonly nonce: Uint8Array }

/**
 * Reads the first frame of a client.
 *
 * @throws `RelayError` `ERR_RELAY_PROTOCOL`.
 */
export function decodeAuth(bytes: Uint8Array): AuthFrame {
  const fixed = 1 + ENDPOINT_BYTES + 64
  const hostLength = bytes[fixed] ?? 0
  const tokenAt = fixed + 1 + hostLength
  if (bytes[0] !== clientFrames.auth || bytes.length > MAX_AUTH_BYTES) throw broken('no proof')
  if (bytes.length < tokenAt + 2 || hostLength === 0) throw broken('a proof that is cut off')
  const tokenLength = ((bytes[tokenAt] ?? 0) << 8) | (bytes[tokenAt + 1] ?? 0)
  if (tokenLength > MAX_TOKEN_BYTES) throw broken('a token that is too long')
  if (bytes.length !== tokenAt + 2 + tokenLength) throw broken('a proof of the wrong length')
  const host = bytesToLatin1(bytes.subarray(fixed + 1, tokenAt))
  if (!/^[\x21-\x7e]+$/.test(host)) throw broken('a host that is no text')
  return {
    endpoint: bytes.subarray(1, 1 + ENDPOINT_BYTES),
    key: bytes.subarray(1, 1 + ENDPOINT_BYTES - INSTANCE_BYTES),
    instance: bytes.subarray(1 + ENDPOINT_BYTES - INSTANCE_BYTES, 1 + ENDPOINT_BYTES),
    signature: bytes.subarray(1 + ENDPOINT_BYTES, fixed),
    host,
    token: bytes.subarray(tokenAt + 2),
  }
}

/**
 * What the client's signature covers, under the tag `vudo/relay-challenge/1`: the host, the
 * challenge and the instance. With the host in it, one relay cannot use a proof at another.
 */
export function challengeMessage(
  host: string,
  challenge: Uint8Array,
  instance: Uint8Array,
): Uint8Array {
  if (host.length > MAX_HOST_CHARACTERS) throw new RangeError('host is too long')
  return Buffer.concat([
    Uint8Array.of(host.length),
    Buffer.from(host, 'latin1'),
    challenge,
    instance,
  ])
}

/** Whether a frame is one to pass on. */
export function isSend(bytes: Uint8Array): boolean {
  return bytes[0] === clientFrames.send && bytes.length > PAYLOAD_OFFSET
}

/**
 * Reads a frame of a client that is let in; not `send`.
 *
 * @throws `RelayError` `ERR_RELAY_PROTOCOL`.
 */
export function decodeClientFrame(bytes: Uint8Array): ClientFrame {
  const [type] = bytes
  if (type === clientFrames.join && bytes.length === 2 + topicBytes) {
    const flags = bytes[1 + topicBytes] ?? 0
    if (flags > 3) throw broken('flags that nobody knows')
    const topic = bytesToLatin1(bytes.subarray(1, 1 + topicBytes))
    return { type: 'join', topic, isListed: (flags & 1) === 1, isWatching: (flags & 2) === 2 }
  }
  if (type === clientFrames.leave && bytes.length === 1 + topicBytes) {
    return { type: 'leave', topic: bytesToLatin1(bytes.subarray(1)) }
  }
  if (type === clientFrames.ping && bytes.length === 9) {
    return { type: 'ping', nonce: bytes.subarray(1) }
  }
  throw broken(`a frame of type ${type ?? 'none'} and ${bytes.length} bytes`)
}

/** `0x81 | version | 32 bytes`. */
export function encodeChallenge(challenge: Uint8Array): Uint8Array {
  if (challenge.length !== CHALLENGE_BYTES) throw new RangeError('challenge has another length')
  return frame(relayFrames.challenge, Uint8Array.of(PROTOCOL_VERSION), challenge)
}

/** `0x82 | largest frame u32 | topics u16 | idle seconds u16`. */
export function encodeWelcome(limits: {
  readonly maxFrameBytes: number
  readonly maxTopics: number
  readonly idleMs: number
}): Uint8Array {
  const bytes = Buffer.alloc(9)
  bytes[0] = relayFrames.welcome
  bytes.writeUInt32BE(limits.maxFrameBytes, 1)
  bytes.writeUInt16BE(Math.min(limits.maxTopics, 0xffff), 5)
  bytes.writeUInt16BE(Math.min(Math.floor(limits.idleMs / 1_000), 0xffff), 7)
  return bytes
}

/** `0x83 | denial u8 | reason in UTF-8`. */
export function encodeDenied(denial: Denial, reason: string): Uint8Array {
  const text = Buffer.from(reason).subarray(0, MAX_REASON_BYTES)
  return frame(relayFrames.denied, Uint8Array.of(denial), text)
}

/** `0x84 | topic | 1 when this completes the answer to a join, else 0 | end points`. */
export function encodeMembers(
  topic: string,
  isComplete: boolean,
  endpoints: readonly Uint8Array[],
): Uint8Array {
  const flags = Uint8Array.of(isComplete ? 1 : 0)
  return frame(relayFrames.members, latin1ToBytes(topic), flags, ...endpoints)
}

/** `0x85 | topic | end points`. */
export function encodeGone(topic: string, endpoints: readonly Uint8Array[]): Uint8Array {
  return frame(relayFrames.gone, latin1ToBytes(topic), ...endpoints)
}

/** `0x87 | end point | reason`. */
export function encodeReset(endpoint: Uint8Array, reason: ResetReason): Uint8Array {
  return frame(relayFrames.reset, endpoint, Uint8Array.of(reason))
}

/** `0x88 | the 8 bytes of the ping`. */
export function encodePong(nonce: Uint8Array): Uint8Array {
  return frame(relayFrames.pong, nonce)
}

/** `0x89`: this relay ends soon. */
export function encodeMoved(): Uint8Array {
  return frame(relayFrames.moved)
}

/** Turns the client's send frame into the receiver's deliver frame, in place: same length, the source where the destination was. */
export function sendToDeliver(bytes: Uint8Array, source: Uint8Array): void {
  bytes[0] = relayFrames.deliver
  bytes.set(source, 1)
}

/** Bytes as text of the same length, for use as a key of a map. */
export function bytesToLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/** The other way round. */
export function latin1ToBytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

function frame(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), ...parts])
}

function broken(what: string): RelayError {
  return new RelayError('ERR_RELAY_PROTOCOL', `the client sent ${what}`)
}
