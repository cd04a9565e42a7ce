/**
 * Signed peer records in the DHT: where a peer says it can be reached, under its key.
 * Every node that stores or passes on a record checks it first.
 */
import { decodePeerRecord } from '@vudo/identity'
import { isPeerId, MAX_RECORD_BYTES, type PeerId, type PeerRecord } from '@vudo/transport'

/** The namespace of the keys. The DHT chooses validator and selector by it. */
export const recordNamespace = 'vudo-peer'

/** The key of a peer's record: `/vudo-peer/` and the peer id, as UTF-8. */
export function recordKey(peerId: PeerId): Uint8Array {
  return new TextEncoder().encode(`/${recordNamespace}/${peerId}`)
}

/**
 * The record under `key`, verified.
 *
 * @throws `RangeError` when the key is none, when the value is larger than
 *   `MAX_RECORD_BYTES` (before it is decoded), or of another peer; and as `decodePeerRecord`.
 */
export function readRecord(key: Uint8Array, value: Uint8Array, nowMs: number): PeerRecord {
  if (value.length > MAX_RECORD_BYTES) {
    throw new RangeError(`record has ${value.length} bytes, expected at most ${MAX_RECORD_BYTES}`)
  }
  const peerId = keyOwner(key)
  const record = decodePeerRecord(value, nowMs)
  if (record.peerId !== peerId) throw new RangeError('the record is of another peer than its key')
  return record
}

/** Which of several records under one key is the latest; those that are no records lose. */
export function selectRecord(
  key: Uint8Array,
  values: readonly Uint8Array[],
  nowMs: number,
): number {
  const sequences = values.map((value) => sequenceOf(key, value, nowMs))
  return Math.max(0, sequences.indexOf(Math.max(...sequences)))
}

function sequenceOf(key: Uint8Array, value: Uint8Array, nowMs: number): number {
  try {
    return readRecord(key, value, nowMs).sequence
  } catch {
    // A record that does not hold is worth less than any that does.
    return -1
  }
}

function keyOwner(key: Uint8Array): PeerId {
  const prefix = `/${recordNamespace}/`
  const text = key.length === prefix.length + 64 ? new TextDecoder().decode(key) : ''
  const peerId = text.slice(prefix.length)
  if (!text.startsWith(prefix) || !isPeerId(peerId)) throw new RangeError('the key is no peer’s')
  return peerId
}
