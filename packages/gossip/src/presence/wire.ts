/** The messages of presence, byte by byte as in docs/wire-formats/presence.md. */
import { sha256 } from '@vudo/identity'
import { bytesToHex, decodeCbor, encodeCbor, hexToBytes, isWireError } from '@vudo/wire'
import { GossipError } from '../errors.ts'
import { MAX_STATE_BYTES, MAX_STATE_DEPTH } from '../limits.ts'
import { asBytes, asCount, decodeList, refused } from '../payload.ts'

/** What somebody shows of itself in a room: a plain object of JSON values. */
export type PresenceState = Readonly<Record<string, unknown>>

/** One message. */
export interface PresenceMessage {
  /** `enter` asks those who are there to show themselves, `state` does not, `goodbye` ends the entry. */
  readonly type: 'enter' | 'state' | 'goodbye'
  /** Which room: 32 characters of hex, see {@link roomOf}. */
  readonly room: string
  /** Which entry of its author: 16 characters of hex. */
  readonly instance: string
  /** Milliseconds for which it is to be shown without a further sign; not clamped yet. */
  readonly ttlMs: number
  /** {@link encodeState}; empty in a goodbye. */
  readonly state: Uint8Array
}

/** Bytes of the name of a room. */
export const ROOM_BYTES = 16

/** Bytes that tell the entries of one peer apart. */
export const INSTANCE_BYTES = 8

const version = 1
const types: readonly PresenceMessage['type'][] = ['enter', 'state', 'goodbye']
const roomTag = 'vudo/presence/1\0'

/** The room of a path: of a document, a collection, or with an empty path of the whole database. */
export function roomOf(path: string): string {
  const hash = sha256(new TextEncoder().encode(roomTag + path))
  return bytesToHex(hash.subarray(0, ROOM_BYTES))
}

/**
 * The bytes of a state.
 *
 * @throws `TypeError` for what is no plain object of JSON values; `GossipError`
 *   `ERR_GOSSIP_STATE_SIZE` for more than `MAX_STATE_BYTES`.
 */
export function encodeState(state: PresenceState): Uint8Array {
  if (!isState(state)) throw new TypeError('a presence state is a plain object')
  const bytes = encodeCbor(state)
  if (bytes.length <= MAX_STATE_BYTES) return bytes
  const text = `state has ${bytes.length} bytes, expected at most ${MAX_STATE_BYTES}`
  throw new GossipError('ERR_GOSSIP_STATE_SIZE', text, { hint: 'put data into a document' })
}

/** @throws `GossipError` `ERR_GOSSIP_PROTOCOL`, whatever the bytes are. */
export function decodeState(bytes: Uint8Array): PresenceState {
  try {
    const state = decodeCbor(bytes, { maxBytes: MAX_STATE_BYTES, maxDepth: MAX_STATE_DEPTH })
    if (isState(state)) return state
  } catch (cause) {
    if (!isWireError(cause)) throw cause
    throw new GossipError('ERR_GOSSIP_PROTOCOL', 'a presence state is no strict CBOR', { cause })
  }
  throw refused('a presence state is no object')
}

/** The bytes of a message, in a new buffer. */
export function encodePresence(message: PresenceMessage): Uint8Array {
  const { type, room, instance, ttlMs, state } = message
  const names = [hexToBytes(room), hexToBytes(instance)]
  return encodeCbor([version, types.indexOf(type), ...names, ttlMs, state])
}

/** @throws `GossipError` `ERR_GOSSIP_PROTOCOL`, whatever the bytes are. */
export function decodePresence(bytes: Uint8Array): PresenceMessage {
  const [spoken, kind, room, instance, ttlMs, state, ...rest] = decodeList(bytes)
  if (spoken !== version || rest.length > 0) throw refused('a presence message of another version')
  const type = typeof kind === 'number' ? types[kind] : undefined
  if (type === undefined) throw refused('a presence message of an unknown kind')
  if (!(state instanceof Uint8Array) || state.length > MAX_STATE_BYTES) {
    throw refused(`a presence state has more than ${MAX_STATE_BYTES} bytes`)
  }
  if ((type === 'goodbye') !== (state.length === 0)) throw refused('a state where none belongs')
  return {
    type,
    room: bytesToHex(asBytes(room, ROOM_BYTES, 'room')),
    instance: bytesToHex(asBytes(instance, INSTANCE_BYTES, 'instance')),
    ttlMs: asCount(ttlMs, 'time to live'),
    state,
  }
}

function isState(value: unknown): value is PresenceState {
  const isObject = typeof value === 'object' && value !== null
  return isObject && !Array.isArray(value) && !(value instanceof Uint8Array)
}
