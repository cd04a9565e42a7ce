/**
 * Peer records: where a peer can be reached, signed by its node key, so that any
 * discovery can carry them and nobody can change them. The format is in
 * `docs/wire-formats/peer-record.md`.
 */
import {
  MAX_ADDRESS_CHARACTERS,
  MAX_RECORD_ADDRESSES,
  MAX_RECORD_BYTES,
  PEER_KEY_BYTES,
  type Address,
  type PeerRecord,
} from '@vudo/transport'
import {
  bytesToHex,
  concatBytes,
  createByteReader,
  createByteWriter,
  isWireError,
} from '@vudo/wire'
import { isAddressText } from './address.ts'
import { IdentityError } from './errors.ts'
import type { NodeKey } from './keys.ts'
import { MAX_RECORD_LIFETIME_MS, SIGNATURE_BYTES } from './limits.ts'
import { verifySignature } from './signature.ts'

const version = 1
const tag = 'vudo/peer-record/1'

/** What a peer says about itself; see `PeerRecord` for each field. */
export type PeerRecordContent = Pick<
  PeerRecord,
  'addresses' | 'sequence' | 'expiresAtMs' | 'sealingKey'
>

/**
 * Signs where this node can be reached.
 *
 * @param content - `expiresAtMs` at most 7 days ahead, or nobody accepts the record;
 *   an hour to a day leaves room for clocks that differ.
 * @throws `RangeError` for more than 16 addresses, one that is no URI of at most 255
 *   printable ASCII characters, a number out of range, a sealing key that has not 32
 *   bytes, or a record above 1,000 bytes: sign fewer addresses.
 */
export function signPeerRecord(key: NodeKey, content: PeerRecordContent): PeerRecord {
  const signed = encodeContent(key.publicKey, content)
  const bytes = concatBytes(signed, key.sign(tag, signed))
  if (bytes.length > MAX_RECORD_BYTES) {
    throw new RangeError(`record has ${bytes.length} bytes, expected at most ${MAX_RECORD_BYTES}`)
  }
  return {
    peerId: key.peerId,
    addresses: [...content.addresses],
    sequence: content.sequence,
    expiresAtMs: content.expiresAtMs,
    sealingKey: content.sealingKey.slice(),
    bytes,
  }
}

function encodeContent(publicKey: Uint8Array, content: PeerRecordContent): Uint8Array {
  const { addresses, sequence, expiresAtMs, sealingKey } = content
  if (addresses.length > MAX_RECORD_ADDRESSES) {
    const count = addresses.length
    throw new RangeError(`record has ${count} addresses, expected at most ${MAX_RECORD_ADDRESSES}`)
  }
  if (sealingKey.length !== PEER_KEY_BYTES) {
    throw new RangeError(`sealing key has ${sealingKey.length} bytes, expected ${PEER_KEY_BYTES}`)
  }
  const writer = createByteWriter(512)
  writer.u8(version).bytes(publicKey).varint(sequence).varint(expiresAtMs).bytes(sealingKey)
  writer.u8(addresses.length)
  for (const address of addresses) {
    if (!isAddressText(address)) {
      throw new RangeError('address is no URI of at most 255 printable ASCII characters')
    }
    writer.text(address)
  }
  return writer.finish()
}

/**
 * Reads a record that came from anywhere, and checks all of it.
 *
 * @param bytes - Copied: the caller may reuse them.
 * @param nowMs - Milliseconds since 1970.
 * @throws `IdentityError`, whatever the bytes are: `ERR_RECORD_INVALID`,
 *   `ERR_RECORD_EXPIRED`, or `ERR_SIGNATURE_INVALID`.
 */
export function decodePeerRecord(bytes: Uint8Array, nowMs: number): PeerRecord {
  if (bytes.length > MAX_RECORD_BYTES) {
    throw invalid(`record has ${bytes.length} bytes, expected at most ${MAX_RECORD_BYTES}`)
  }
  const { publicKey, ...record } = decodeContent(bytes.slice())
  // Before the signature: refusing costs an attacker's replay less than it costs us to verify.
  checkLifetime(record.expiresAtMs, nowMs)
  const end = record.bytes.length - SIGNATURE_BYTES
  const signature = record.bytes.subarray(end)
  if (!verifySignature(publicKey, tag, record.bytes.subarray(0, end), signature)) {
    throw new IdentityError('ERR_SIGNATURE_INVALID', 'record is not signed by the peer it names')
  }
  return record
}

function checkLifetime(expiresAtMs: number, nowMs: number): void {
  if (expiresAtMs <= nowMs) {
    throw new IdentityError('ERR_RECORD_EXPIRED', `record expired ${nowMs - expiresAtMs} ms ago`, {
      hint: 'Look the peer up again; if every record seems expired, check the clock of this device.',
    })
  }
  const lifetimeMs = expiresAtMs - nowMs
  if (lifetimeMs > MAX_RECORD_LIFETIME_MS) {
    throw invalid(`record lives ${lifetimeMs} ms more, expected at most ${MAX_RECORD_LIFETIME_MS}`)
  }
}

function decodeContent(bytes: Uint8Array): PeerRecord & { readonly publicKey: Uint8Array } {
  const reader = createByteReader(bytes)
  try {
    const found = reader.u8()
    if (found !== version) throw invalid(`record is of version ${found}, expected ${version}`)
    const publicKey = reader.bytes(PEER_KEY_BYTES)
    const sequence = reader.varint()
    const expiresAtMs = reader.varint()
    const sealingKey = reader.bytes(PEER_KEY_BYTES).slice()
    const count = reader.u8()
    if (count > MAX_RECORD_ADDRESSES) {
      throw invalid(`record has ${count} addresses, expected at most ${MAX_RECORD_ADDRESSES}`)
    }
    const addresses: Address[] = []
    while (addresses.length < count) addresses.push(checked(reader.text(MAX_ADDRESS_CHARACTERS)))
    reader.bytes(SIGNATURE_BYTES)
    reader.end()
    return {
      peerId: bytesToHex(publicKey),
      publicKey,
      addresses,
      sequence,
      expiresAtMs,
      sealingKey,
      bytes,
    }
  } catch (cause) {
    if (!isWireError(cause)) throw cause
    throw new IdentityError('ERR_RECORD_INVALID', 'record is malformed', { cause })
  }
}

function checked(address: string): Address {
  if (isAddressText(address)) return address
  throw invalid('record has an address that is no URI')
}

function invalid(message: string): IdentityError {
  return new IdentityError('ERR_RECORD_INVALID', message)
}
