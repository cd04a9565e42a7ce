import {
  createCursor,
  decodeCapability,
  defaultEntry,
  encodeCapability,
  encodeWith,
  fullArea,
  ID_BYTES,
  readAreaInArea,
  readCompactU64,
  readEntryRelative,
  SIGNATURE_BYTES,
  writeAreaInArea,
  writeCompactU64,
  writeEntryRelative,
  type Area,
  type Cursor,
  type Entry,
  type McCapability,
  type Sink,
} from '@vudo/meadowcap'
import {
  MAX_PROVEN_KEYS,
  MAX_SHOWN_BYTES,
  MAX_SHOWN_CAPABILITIES,
  SYNC_NONCE_BYTES,
} from '../limits.ts'
import type { KeyProof } from './rights.ts'

/** The version of the messages below. */
export const WILLOW_SYNC_VERSION = 1

/** One message of `/vudo/willow/1`: see docs/wire-formats/willow-sync.md. */
export type SessionMessage =
  | { readonly type: 'hello'; readonly namespaceId: Uint8Array; readonly nonce: Uint8Array }
  | {
      readonly type: 'rights'
      readonly proofs: readonly KeyProof[]
      readonly capabilities: readonly McCapability[]
    }
  /** Which of the shown capabilities count, and what everybody may read here. */
  | { readonly type: 'accepted'; readonly bits: Uint8Array; readonly open: Area | undefined }
  | {
      readonly type: 'reconcile'
      readonly round: number
      readonly area: number
      readonly bytes: Uint8Array
    }
  | {
      readonly type: 'synced'
      readonly round: number
      readonly area: number
      readonly isComplete: boolean
    }
  | { readonly type: 'again' }
  /** Entries, which the session's own reader reads. */
  | { readonly type: 'live'; readonly bytes: Uint8Array }
  | { readonly type: 'stored'; readonly number: number; readonly isHeld: boolean }
  | {
      readonly type: 'want'
      readonly id: number
      readonly entry: Entry
      readonly from: bigint
    }
  | { readonly type: 'payload'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'payload-end'; readonly id: number; readonly isWhole: boolean }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'unknown' }

const kinds = {
  hello: 1,
  rights: 2,
  accepted: 3,
  reconcile: 4,
  synced: 5,
  again: 6,
  live: 7,
  stored: 8,
  want: 9,
  payload: 10,
  payloadEnd: 11,
  cancel: 12,
}
/** Kinds from here on are optional: whoever does not know one ignores it. */
const FIRST_OPTIONAL_KIND = 64

/** The bytes of a message, in a new buffer. */
export function encodeSessionMessage(
  message: Exclude<SessionMessage, { type: 'unknown' }>,
): Uint8Array {
  return encodeWith((sink) => writeMessage(sink, message))
}

function writeMessage(sink: Sink, message: Exclude<SessionMessage, { type: 'unknown' }>): void {
  switch (message.type) {
    case 'hello':
      sink.byte(kinds.hello)
      sink.byte(WILLOW_SYNC_VERSION)
      sink.bytes(message.namespaceId)
      return sink.bytes(message.nonce)
    case 'rights':
      sink.byte(kinds.rights)
      return writeRights(sink, message)
    case 'accepted':
      sink.byte(kinds.accepted)
      writeCompactU64(sink, message.bits.length)
      sink.bytes(message.bits)
      sink.byte(message.open === undefined ? 0 : 1)
      if (message.open !== undefined) writeAreaInArea(sink, message.open, fullArea)
      return
    case 'reconcile':
      sink.byte(kinds.reconcile)
      writeCompactU64(sink, message.round)
      writeCompactU64(sink, message.area)
      return sink.bytes(message.bytes)
    case 'synced':
      sink.byte(kinds.synced)
      writeCompactU64(sink, message.round)
      writeCompactU64(sink, message.area)
      return sink.byte(message.isComplete ? 1 : 0)
    case 'again':
      return sink.byte(kinds.again)
    case 'live':
      sink.byte(kinds.live)
      return sink.bytes(message.bytes)
    case 'stored':
      sink.byte(kinds.stored)
      writeCompactU64(sink, message.number)
      return sink.byte(message.isHeld ? 1 : 0)
    default:
      return writePayloadMessage(sink, message)
  }
}

type PayloadMessage = Extract<
  SessionMessage,
  { readonly type: 'want' | 'payload' | 'payload-end' | 'cancel' }
>

function writePayloadMessage(sink: Sink, message: PayloadMessage): void {
  const byType = {
    want: kinds.want,
    payload: kinds.payload,
    'payload-end': kinds.payloadEnd,
    cancel: kinds.cancel,
  }
  sink.byte(byType[message.type])
  writeCompactU64(sink, message.id)
  if (message.type === 'want') {
    writeEntryRelative(sink, message.entry, defaultEntry)
    writeCompactU64(sink, message.from)
  } else if (message.type === 'payload') sink.bytes(message.bytes)
  else if (message.type === 'payload-end') sink.byte(message.isWhole ? 1 : 0)
}

function writeRights(sink: Sink, message: SessionMessage & { readonly type: 'rights' }): void {
  const { proofs, capabilities } = message
  writeCompactU64(sink, proofs.length)
  for (const { key, signature } of proofs) {
    sink.bytes(key)
    sink.bytes(signature)
  }
  writeCompactU64(sink, capabilities.length)
  for (const capability of capabilities) {
    const code = encodeCapability(capability)
    writeCompactU64(sink, code.length)
    sink.bytes(code)
  }
}

/** Those capabilities, from the first on, that fit into one message. */
export function fitting(capabilities: readonly McCapability[]): McCapability[] {
  let left = MAX_SHOWN_BYTES
  return capabilities.slice(0, MAX_SHOWN_CAPABILITIES).filter((capability) => {
    left -= encodeCapability(capability).length + 9
    return left >= 0
  })
}

/**
 * Reads a message. What is in it is copied.
 *
 * @throws `MeadowcapError` `ERR_WILLOW_ENCODING` or `ERR_WILLOW_INCOMPLETE`, whatever the bytes are.
 */
export function decodeSessionMessage(bytes: Uint8Array): SessionMessage {
  const cursor = createCursor(bytes)
  const message = readMessage(cursor)
  if (message.type !== 'unknown' && cursor.remaining > 0) {
    throw cursor.error(`${cursor.remaining} bytes are left over`)
  }
  return message
}

function readMessage(cursor: Cursor): SessionMessage {
  const kind = cursor.byte()
  switch (kind) {
    case kinds.hello: {
      const version = cursor.byte()
      if (version !== WILLOW_SYNC_VERSION) throw cursor.error(`version ${version} is not known`, 1)
      return {
        type: 'hello',
        namespaceId: cursor.take(ID_BYTES),
        nonce: cursor.take(SYNC_NONCE_BYTES),
      }
    }
    case kinds.rights:
      return readRights(cursor)
    case kinds.accepted: {
      const bits = cursor.take(readNumber(cursor, MAX_SHOWN_CAPABILITIES / 8))
      return {
        type: 'accepted',
        bits,
        open: readFlag(cursor) ? readAreaInArea(cursor, fullArea) : undefined,
      }
    }
    case kinds.reconcile: {
      const [round, area] = [readNumber(cursor), readNumber(cursor)]
      return { type: 'reconcile', round, area, bytes: cursor.take(cursor.remaining) }
    }
    case kinds.synced: {
      const [round, area] = [readNumber(cursor), readNumber(cursor)]
      return { type: 'synced', round, area, isComplete: readFlag(cursor) }
    }
    case kinds.again:
      return { type: 'again' }
    case kinds.live:
      return { type: 'live', bytes: cursor.take(cursor.remaining) }
    case kinds.stored:
      return { type: 'stored', number: readNumber(cursor), isHeld: readFlag(cursor) }
    default:
      return readPayloadMessage(cursor, kind)
  }
}

function readPayloadMessage(cursor: Cursor, kind: number): SessionMessage {
  if (kind >= FIRST_OPTIONAL_KIND) return { type: 'unknown' }
  if (kind < kinds.want || kind > kinds.cancel) {
    throw cursor.error(`no message is of kind ${kind}`, 0)
  }
  const id = readNumber(cursor)
  if (kind === kinds.want) {
    const entry = readEntryRelative(cursor, defaultEntry)
    return { type: 'want', id, entry, from: readCompactU64(cursor) }
  }
  if (kind === kinds.payload) {
    return { type: 'payload', id, bytes: cursor.take(cursor.remaining) }
  }
  if (kind === kinds.payloadEnd) return { type: 'payload-end', id, isWhole: readFlag(cursor) }
  return { type: 'cancel', id }
}

function readRights(cursor: Cursor): SessionMessage {
  const proofCount = readNumber(cursor, MAX_PROVEN_KEYS)
  const proofs = Array.from({ length: proofCount }, () => ({
    key: cursor.take(ID_BYTES),
    signature: cursor.take(SIGNATURE_BYTES),
  }))
  const count = readNumber(cursor, MAX_SHOWN_CAPABILITIES)
  const capabilities: McCapability[] = []
  const start = cursor.offset
  for (let at = 0; at < count; at++) {
    const length = readNumber(cursor, MAX_SHOWN_BYTES)
    if (cursor.offset - start + length > MAX_SHOWN_BYTES) {
      throw cursor.error(`shown capabilities have more than ${MAX_SHOWN_BYTES} bytes`)
    }
    capabilities.push(decodeCapability(cursor.view(length)))
  }
  return { type: 'rights', proofs, capabilities }
}

function readFlag(cursor: Cursor): boolean {
  const start = cursor.offset
  const flag = cursor.byte()
  if (flag > 1) throw cursor.error(`${flag} is neither 0 nor 1`, start)
  return flag === 1
}

function readNumber(cursor: Cursor, max: number = Number.MAX_SAFE_INTEGER): number {
  const start = cursor.offset
  const number = readCompactU64(cursor)
  if (number > BigInt(max)) throw cursor.error(`${number} is above ${max}`, start)
  return Number(number)
}
