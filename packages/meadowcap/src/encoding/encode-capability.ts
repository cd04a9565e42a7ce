import {
  grantedArea,
  rootArea,
  type AccessMode,
  type Delegation,
  type EnumerationCapability,
  type EnumerationDelegation,
  type McCapability,
} from '../capability/capability.ts'
import { ID_BYTES, MAX_DELEGATIONS, MIN_DELEGATION_BYTES, SIGNATURE_BYTES } from '../limits.ts'
import {
  compactTag,
  readCompactCount,
  writeCompactBody,
  writeCompactU64,
  type CountLimit,
} from './compact-u64.ts'
import { decodeWhole, readCanonical, type Cursor } from './cursor.ts'
import { readAreaInArea, writeAreaInArea } from './encode-area.ts'
import { encodeWith, type Sink } from './sink.ts'

/** What a count of delegations may be. */
export const delegationLimit: CountLimit = { max: MAX_DELEGATIONS, what: 'delegations' }

/**
 * Writes `encode_mc_capability`, which is also the code of `EncodeMcCapability` that
 * we choose.
 *
 * @throws `RangeError` when a delegation widens the one before.
 */
export function writeCapability(sink: Sink, capability: McCapability): void {
  const { delegations } = capability
  const isOwned = capability.kind === 'owned'
  const mode = capability.accessMode === 'write' ? 0x40 : 0
  sink.byte((isOwned ? 0x80 : 0) | mode | compactTag(delegations.length, 6))
  sink.bytes(capability.namespaceKey)
  sink.bytes(capability.userKey)
  if (isOwned) sink.bytes(capability.initialAuthorisation)
  writeCompactBody(sink, delegations.length, 6)
  let area = rootArea(capability)
  for (const delegation of delegations) {
    writeAreaInArea(sink, delegation.area, area)
    sink.bytes(delegation.userKey)
    sink.bytes(delegation.signature)
    area = delegation.area
  }
}

/** The bytes of `encode_mc_capability`. Throws as {@link writeCapability}. */
export function encodeCapability(capability: McCapability): Uint8Array {
  return encodeWith((sink) => writeCapability(sink, capability))
}

/**
 * The capability whose code is all of `bytes`. It is not verified: see `isValidCapability`.
 *
 * @throws `MeadowcapError` as `decodeWhole`.
 */
export function decodeCapability(bytes: Uint8Array): McCapability {
  return decodeWhole(bytes, readCapability)
}

/** Reads `EncodeMcCapability`, of either kind. Nothing is verified but that no step widens. Throws as every reader. */
export function readCapability(cursor: Cursor): McCapability {
  const header = cursor.byte()
  const accessMode: AccessMode = (header & 0x40) !== 0 ? 'write' : 'read'
  const namespaceKey = cursor.take(ID_BYTES)
  const userKey = cursor.take(ID_BYTES)
  const fields = { accessMode, namespaceKey, userKey, delegations: [] }
  const root: McCapability =
    (header & 0x80) === 0
      ? { kind: 'communal', ...fields }
      : { kind: 'owned', initialAuthorisation: cursor.take(SIGNATURE_BYTES), ...fields }
  const count = readCompactCount(cursor, { tag: header & 0x3f, width: 6 }, delegationLimit)
  cursor.require(count * MIN_DELEGATION_BYTES)
  const delegations: Delegation[] = []
  let area = grantedArea(root)
  for (let index = 0; index < count; index++) {
    area = readAreaInArea(cursor, area)
    delegations.push(Object.freeze({ area, ...readStep(cursor) }))
  }
  return Object.freeze({ ...root, delegations: Object.freeze(delegations) })
}

/** Reads `encode_mc_capability`: as {@link readCapability}, and only the canonical code. */
export function readCanonicalCapability(cursor: Cursor): McCapability {
  return readCanonical(cursor, { read: readCapability, write: writeCapability })
}

/** Writes `EncodeMcEnumerationCapability`. */
export function writeEnumerationCapability(sink: Sink, capability: EnumerationCapability): void {
  sink.bytes(capability.namespaceKey)
  sink.bytes(capability.userKey)
  sink.bytes(capability.initialAuthorisation)
  writeCompactU64(sink, capability.delegations.length)
  for (const { userKey, signature } of capability.delegations) {
    sink.bytes(userKey)
    sink.bytes(signature)
  }
}

/** Reads `EncodeMcEnumerationCapability`. Nothing is verified. Throws as every reader. */
export function readEnumerationCapability(cursor: Cursor): EnumerationCapability {
  const namespaceKey = cursor.take(ID_BYTES)
  const userKey = cursor.take(ID_BYTES)
  const initialAuthorisation = cursor.take(SIGNATURE_BYTES)
  const count = readCompactCount(cursor, { tag: cursor.byte(), width: 8 }, delegationLimit)
  cursor.require(count * (ID_BYTES + SIGNATURE_BYTES))
  const delegations = Array.from({ length: count }, () => Object.freeze(readStep(cursor)))
  return Object.freeze({
    namespaceKey,
    userKey,
    initialAuthorisation,
    delegations: Object.freeze(delegations),
  })
}

/** Reads the key and the signature that end every delegation. */
export function readStep(cursor: Cursor): EnumerationDelegation {
  return { userKey: cursor.take(ID_BYTES), signature: cursor.take(SIGNATURE_BYTES) }
}
