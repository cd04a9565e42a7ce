/**
 * What is signed in a capability (Meadowcap, "valid"). Mode and namespace are only in
 * the first signed message; every later one is bound to them by holding the signature
 * before it. So no step means anything by itself.
 */
import { concatBytes } from '@vudo/wire'
import type { Area } from '../data/area.ts'
import { encodeAreaInArea } from '../encoding/encode-area.ts'
import {
  rootArea,
  type AccessMode,
  type EnumerationCapability,
  type McCapability,
} from './capability.ts'

/** The first byte of what a namespace's or user's key signs first. */
const tags = { communalRead: 0, communalWrite: 1, ownedRead: 2, ownedWrite: 3, enumeration: 4 }

/** What the key of an owned namespace signs to make `userKey` the first holder. */
export function ownedRootMessage(accessMode: AccessMode, userKey: Uint8Array): Uint8Array {
  const tag = accessMode === 'write' ? tags.ownedWrite : tags.ownedRead
  return concatBytes(Uint8Array.of(tag), userKey)
}

/** One step of handing on: of which capability, at which place in its chain, what, to whom. */
export interface Handover {
  /** Its delegations before `index` count, further ones do not. */
  readonly capability: McCapability
  readonly index: number
  readonly area: Area
  /** 32 bytes. */
  readonly userKey: Uint8Array
}

/**
 * What the receiver before signs to hand a capability on.
 *
 * @throws `RangeError` when the area is not inside the one before.
 */
export function handoverMessage(handover: Handover): Uint8Array {
  const { capability, index, area, userKey } = handover
  const before = capability.delegations[index - 1]
  const code = encodeAreaInArea(area, before?.area ?? rootArea(capability))
  if (before !== undefined) return concatBytes(code, before.signature, userKey)
  if (capability.kind === 'owned') {
    return concatBytes(code, capability.initialAuthorisation, userKey)
  }
  const tag = capability.accessMode === 'write' ? tags.communalWrite : tags.communalRead
  return concatBytes(Uint8Array.of(tag), capability.namespaceKey, code, userKey)
}

/** What the namespace's key signs to make `userKey` the first who may enumerate. */
export function enumerationRootMessage(userKey: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(tags.enumeration), userKey)
}

/** What the receiver before signs to hand an enumeration capability on. */
export function enumerationHandover(
  capability: EnumerationCapability,
  index: number,
  userKey: Uint8Array,
): Uint8Array {
  const before = capability.delegations[index - 1]?.signature ?? capability.initialAuthorisation
  return concatBytes(before, userKey)
}
