/**
 * What a frame of GossipSub may contain, checked on its bytes before the router parses
 * them: the protobuf message `RPC` behind its length (libp2p/specs pubsub/README.md,
 * gossipsub-v1.2.md). The router has limits as well and drops what exceeds them in
 * silence; here it is a fault of the neighbour, and its back-off is clamped.
 */
import { encodeVarint } from '@vudo/wire'
import { GossipError } from './errors.ts'
import {
  MAX_BACKOFF_SECONDS,
  MAX_FRAME_BYTES,
  MAX_FRAME_CONTROLS,
  MAX_FRAME_MESSAGE_IDS,
  MAX_FRAME_MESSAGES,
  MAX_FRAME_SUBSCRIPTIONS,
  MAX_MESSAGE_ID_BYTES,
  MAX_PAYLOAD_BYTES,
} from './limits.ts'

/** Longest topic name on the wire: stock peers of an open database choose their own. */
const maxWireTopicBytes = 256

/** An identity multihash of an Ed25519 key has 38 bytes, a hash of a larger key 34. */
const maxAuthorBytes = 64

/** A public key in protobuf: Ed25519 has 36 bytes. Other kinds are not members. */
const maxKeyBytes = 64

const signatureBytes = 64

/**
 * Checks one frame and clamps, in place, what its sender asks for.
 *
 * @param frame - A length and one RPC, and nothing after it. Back-offs above
 *   `MAX_BACKOFF_SECONDS` are overwritten.
 * @returns How many messages it carries.
 * @throws `GossipError` `ERR_GOSSIP_PROTOCOL`, whatever the bytes are.
 */
export function guardRpc(frame: Uint8Array): number {
  if (frame.length > MAX_FRAME_BYTES) {
    throw fault(`frame has ${frame.length} bytes, at most ${MAX_FRAME_BYTES} are allowed`)
  }
  const fields = new Fields(frame, 0, frame.length)
  const length = fields.varint()
  if (length !== frame.length - fields.at) {
    throw fault(`frame announces ${length} bytes and has ${frame.length - fields.at}`)
  }
  const counts = { subscriptions: 0, messages: 0, controls: 0 }
  while (fields.next()) {
    if (fields.number === 1) {
      counts.subscriptions = counted(counts.subscriptions, MAX_FRAME_SUBSCRIPTIONS, 'subscriptions')
      checkSubscription(fields.inner())
    } else if (fields.number === 2) {
      counts.messages = counted(counts.messages, MAX_FRAME_MESSAGES, 'messages')
      checkMessage(fields.inner())
    } else if (fields.number === 3) {
      counts.controls = counted(counts.controls, 1, 'control parts')
      checkControl(fields.inner())
    } else throw fault(`field ${fields.number} is not of an RPC`)
  }
  return counts.messages
}

/**
 * Cuts a frame of the router that is too large for a channel: its parts in frames of
 * their own, in order. A frame that fits comes back as it is.
 *
 * @throws `GossipError` `ERR_GOSSIP_PROTOCOL` when one part alone is too large.
 */
export function splitRpc(frame: Uint8Array): readonly Uint8Array[] {
  if (frame.length <= MAX_FRAME_BYTES) return [frame]
  const fields = new Fields(frame, 0, frame.length)
  fields.varint()
  const frames: Uint8Array[] = []
  let begin = fields.at
  let end = begin
  while (fields.next()) {
    // Room for the length in front.
    if (fields.at - begin > MAX_FRAME_BYTES - 5) {
      if (end > begin) frames.push(framed(frame.subarray(begin, end)))
      begin = end
      if (fields.at - begin > MAX_FRAME_BYTES - 5) throw fault('one part of a frame is too large')
    }
    end = fields.at
  }
  frames.push(framed(frame.subarray(begin, end)))
  return frames
}

function framed(body: Uint8Array): Uint8Array {
  const length = encodeVarint(body.length)
  const frame = new Uint8Array(length.length + body.length)
  frame.set(length)
  frame.set(body, length.length)
  return frame
}

function checkSubscription(fields: Fields): void {
  while (fields.next()) {
    if (fields.number === 1) fields.expect(0)
    else if (fields.number === 2) fields.expect(2, maxWireTopicBytes)
    else throw fault(`field ${fields.number} is not of a subscription`)
  }
}

/** Longest value of each field of a message, by its number. */
const messageFields: readonly number[] = [
  0,
  maxAuthorBytes,
  MAX_PAYLOAD_BYTES,
  8,
  maxWireTopicBytes,
  signatureBytes,
  maxKeyBytes,
]

function checkMessage(fields: Fields): void {
  while (fields.next()) {
    const most = messageFields[fields.number]
    if (most === undefined) throw fault(`field ${fields.number} is not of a message`)
    fields.expect(2, most)
  }
}

function checkControl(fields: Fields): void {
  const counts = [0, 0, 0, 0, 0, 0]
  while (fields.next()) {
    const { number } = fields
    if (number > 5) throw fault(`field ${number} is not of a control part`)
    counts[number] = counted(counts[number] ?? 0, MAX_FRAME_CONTROLS, 'control entries of a kind')
    const entry = fields.inner()
    if (number === 1) checkIds(entry, 2)
    else if (number === 4) checkPrune(entry)
    else if (number === 3) checkGraft(entry)
    else checkIds(entry, 1)
  }
}

/** IHAVE (ids in field 2, the topic in 1), IWANT and IDONTWANT (ids in field 1). */
function checkIds(fields: Fields, idField: number): void {
  let ids = 0
  while (fields.next()) {
    if (fields.number === idField) {
      ids = counted(ids, MAX_FRAME_MESSAGE_IDS, 'message ids')
      fields.expect(2, MAX_MESSAGE_ID_BYTES)
    } else if (fields.number === 1) fields.expect(2, maxWireTopicBytes)
    else throw fault(`field ${fields.number} is not of a list of ids`)
  }
}

function checkGraft(fields: Fields): void {
  while (fields.next()) {
    if (fields.number !== 1) throw fault(`field ${fields.number} is not of a GRAFT`)
    fields.expect(2, maxWireTopicBytes)
  }
}

/** Peer exchange (field 2) is for libp2p addresses and is not taken: the overlay finds peers. */
function checkPrune(fields: Fields): void {
  while (fields.next()) {
    if (fields.number === 1) fields.expect(2, maxWireTopicBytes)
    else if (fields.number === 3) fields.clamp(MAX_BACKOFF_SECONDS)
    else throw fault(`field ${fields.number} is not allowed in a PRUNE`)
  }
}

function counted(count: number, most: number, what: string): number {
  if (count >= most) throw fault(`a frame has more than ${most} ${what}`)
  return count + 1
}

function fault(message: string): GossipError {
  return new GossipError('ERR_GOSSIP_PROTOCOL', message)
}

/** A field of `length` bytes, 2 or more, with a number that no message has. */
function unreadField(length: number): Uint8Array {
  const field = new Uint8Array(length).fill(0x80)
  field[0] = unreadFieldKey
  field[length - 1] = length === 2 ? 0 : 1
  return field
}

/** Field 15, a number. */
const unreadFieldKey = 0x78

/** Walks the fields of one protobuf message without copying or allocating for them. */
class Fields {
  readonly #bytes: Uint8Array
  readonly #end: number
  at: number
  /** Number, wire type and value of the present field. */
  number = 0
  #type = 0
  #begin = 0

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  /** Moves on to the next field; false at the end. */
  next(): boolean {
    if (this.at === this.#end) return false
    const key = this.varint()
    this.number = Math.floor(key / 8)
    this.#type = key % 8
    if (this.#type === 2) {
      const length = this.varint()
      this.#begin = this.at
      if (length > this.#end - this.at) throw fault('a field is longer than its message')
      this.at += length
    } else if (this.#type === 0) {
      this.#begin = this.at
      this.#skipVarint()
    } else throw fault(`wire type ${this.#type} does not occur`)
    return true
  }

  /** The present field as a message of its own. */
  inner(): Fields {
    this.expect(2)
    return new Fields(this.#bytes, this.#begin, this.at)
  }

  expect(type: 0 | 2, most: number = MAX_FRAME_BYTES): void {
    if (this.#type !== type) throw fault(`field ${this.number} has wire type ${this.#type}`)
    if (this.at - this.#begin > most) {
      throw fault(
        `field ${this.number} has ${this.at - this.#begin} bytes, at most ${most} are allowed`,
      )
    }
  }

  /**
   * Overwrites a number above `most`, in the room that it takes: the router's decoder wants
   * each number in its shortest form. What is left over becomes a field that nobody reads.
   */
  clamp(most: number): void {
    this.expect(0)
    const length = this.at - this.#begin
    let value = 0
    for (let i = length - 1; i >= 0; i--) {
      value = value * 128 + ((this.#bytes[this.#begin + i] ?? 0) & 127)
    }
    if (value <= most) return
    // One byte left over cannot be filled: then the number has one byte itself.
    const clamped = encodeVarint(length === 3 ? Math.min(most, 127) : most)
    this.#bytes.set(clamped, this.#begin)
    const filler = length - clamped.length
    if (filler > 0) this.#bytes.set(unreadField(filler), this.#begin + clamped.length)
  }

  /** A number of at most 32 bits: lengths and keys. */
  varint(): number {
    let value = 0
    for (let i = 0, scale = 1; i < 5; i++, scale *= 128) {
      if (this.at >= this.#end) throw fault('a number is cut off')
      const byte = this.#bytes[this.at++] ?? 0
      value += (byte & 127) * scale
      if (byte >= 128) continue
      if (byte === 0 && i > 0) throw fault('a number is not in its shortest form')
      return value
    }
    throw fault('a length or key has more than 5 bytes')
  }

  #skipVarint(): void {
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.#end) throw fault('a number is cut off')
      const byte = this.#bytes[this.at++] ?? 0
      if (byte >= 128) continue
      if (byte === 0 && i > 0) throw fault('a number is not in its shortest form')
      return
    }
    throw fault('a number has more than 10 bytes')
  }
}
