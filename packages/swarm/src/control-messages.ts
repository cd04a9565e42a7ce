/*
 * The bytes that two swarms exchange on the control lane, see
 * docs/wire-formats/swarm.md. A message is a row of records:
 *
 *   kind (1 byte) · length of the body (2 bytes, big-endian) · body
 *
 * A kind that is not known is skipped, so that later versions can add some.
 */
import { TransportError } from '@vudo/transport'
import { MAX_CONTROL_BYTES } from './limits.ts'

/** The version in a hello; another one ends the connection. */
export const CONTROL_VERSION = 1

/** Bytes of the random value in a hello. */
export const NONCE_BYTES = 32

/** Bytes of a blinded topic. */
export const TAG_BYTES = 32

/** Why a connection is closed on purpose, as it is written in a bye. */
export const byeCodes: Readonly<Record<ByeReason, number>> = {
  leaving: 0,
  'no-shared-topic': 1,
  limit: 2,
  protocol: 3,
}

/** See {@link byeCodes}. A code that is not known reads as `leaving`. */
export type ByeReason = 'leaving' | 'no-shared-topic' | 'limit' | 'protocol'

/** One record; `other` is one of a later version. */
export type ControlRecord =
  | { readonly kind: 'hello'; readonly nonce: Uint8Array }
  | { readonly kind: 'join' | 'leave'; readonly tags: readonly Uint8Array[] }
  | { readonly kind: 'bye'; readonly reason: ByeReason }
  | { readonly kind: 'other' }

const kinds = { hello: 1, join: 2, leave: 3, bye: 4 } as const
const headerBytes = 3

/** Writes records that this version knows, one after the other, into a new buffer. */
export function encodeControl(
  records: readonly Exclude<ControlRecord, { readonly kind: 'other' }>[],
): Uint8Array {
  const bodies = records.map((record) => encodeBody(record))
  const length = bodies.reduce((sum, body) => sum + headerBytes + body.length, 0)
  const message = new Uint8Array(length)
  let at = 0
  for (const [index, record] of records.entries()) {
    const body = bodies[index] ?? new Uint8Array()
    message.set([kinds[record.kind], body.length >> 8, body.length & 0xff], at)
    message.set(body, at + headerBytes)
    at += headerBytes + body.length
  }
  return message
}

function encodeBody(record: Exclude<ControlRecord, { readonly kind: 'other' }>): Uint8Array {
  if (record.kind === 'hello') return concat([Uint8Array.of(CONTROL_VERSION), record.nonce])
  if (record.kind === 'bye') return Uint8Array.of(byeCodes[record.reason])
  return concat(record.tags)
}

/**
 * Reads a control message. The records look into `message`: they are for reading at once.
 *
 * @throws `TransportError` `ERR_PEER_PROTOCOL`, and nothing else whatever the bytes are.
 */
export function decodeControl(message: Uint8Array): ControlRecord[] {
  if (message.length === 0 || message.length > MAX_CONTROL_BYTES) {
    throw broken(`control message has ${message.length} bytes, expected 1 to ${MAX_CONTROL_BYTES}`)
  }
  const records: ControlRecord[] = []
  let at = 0
  while (at < message.length) {
    const [kind = 0, high = 0, low = 0] = message.subarray(at, at + headerBytes)
    const start = at + headerBytes
    at = start + (high << 8) + low
    if (at > message.length) {
      throw broken(`control record ends at byte ${at} of ${message.length}`)
    }
    records.push(decodeBody(kind, message.subarray(start, at)))
  }
  return records
}

function decodeBody(kind: number, body: Uint8Array): ControlRecord {
  if (kind === kinds.hello) return decodeHello(body)
  if (kind === kinds.join) return { kind: 'join', tags: splitTags(body) }
  if (kind === kinds.leave) return { kind: 'leave', tags: splitTags(body) }
  if (kind === kinds.bye) return decodeBye(body)
  return { kind: 'other' }
}

function decodeHello(body: Uint8Array): ControlRecord {
  const [version] = body
  if (version !== CONTROL_VERSION) {
    throw broken(`hello has version ${version ?? 'nothing'}, expected ${CONTROL_VERSION}`)
  }
  // More may follow in later versions; less is broken.
  if (body.length < 1 + NONCE_BYTES) {
    throw broken(`hello has ${body.length} bytes, expected ${1 + NONCE_BYTES}`)
  }
  return { kind: 'hello', nonce: body.slice(1, 1 + NONCE_BYTES) }
}

function splitTags(body: Uint8Array): Uint8Array[] {
  if (body.length === 0 || body.length % TAG_BYTES !== 0) {
    throw broken(`topic list has ${body.length} bytes, expected a multiple of ${TAG_BYTES}`)
  }
  return Array.from({ length: body.length / TAG_BYTES }, (_, index) =>
    body.subarray(index * TAG_BYTES, (index + 1) * TAG_BYTES),
  )
}

function decodeBye(body: Uint8Array): ControlRecord {
  const [code] = body
  if (code === undefined) throw broken('bye has no reason')
  const reasons: readonly ByeReason[] = ['leaving', 'no-shared-topic', 'limit', 'protocol']
  return { kind: 'bye', reason: reasons[code] ?? 'leaving' }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function broken(message: string): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', message)
}
