import { bytesEqual } from '@vudo/wire'
import {
  grantedArea,
  type AuthorisationToken,
  type Delegation,
  type McCapability,
  type OwnedCapability,
} from '../capability/capability.ts'
import { areaIncludesEntry, areasEqual, subspaceArea, type Area } from '../data/area.ts'
import type { Entry } from '../data/entry.ts'
import { MeadowcapError } from '../errors.ts'
import { ID_BYTES, SIGNATURE_BYTES } from '../limits.ts'
import { compactTag, readCompactCount, writeCompactBody } from './compact-u64.ts'
import type { Cursor } from './cursor.ts'
import { delegationLimit, readCapability, readStep, writeCapability } from './encode-capability.ts'
import { readPrivateArea, writePrivateArea } from './encode-private.ts'
import type { Sink } from './sink.ts'

/** Writes a token by itself: `encode_mc_capability` and the signature. Ours, for storage. */
export function writeToken(sink: Sink, token: AuthorisationToken): void {
  writeCapability(sink, token.capability)
  sink.bytes(token.signature)
}

/** Reads what {@link writeToken} writes. Nothing is verified. Throws as every reader. */
export function readToken(cursor: Cursor): AuthorisationToken {
  const capability = readCapability(cursor)
  return Object.freeze({ capability, signature: cursor.take(SIGNATURE_BYTES) })
}

/** What both ends know when a token is sent: its entry, and the token sent before. */
export interface TokenContext {
  /** The entry that the token authorises. */
  readonly entry: Entry
  /** The token of the entry before; of the first, `defaultToken`. */
  readonly prior: AuthorisationToken
}

/** Bytes of the shortest delegation here: a header, a count, a key and a signature. */
const minStepBytes = 2 + ID_BYTES + SIGNATURE_BYTES

/**
 * Writes `EncodeMeadowcapAuthorisationTokenRelative`.
 *
 * The namespace is not written, and of a communal capability not the user: the entry
 * says them. So a token for another entry has no code.
 *
 * @throws `MeadowcapError` `ERR_WRITE_DENIED` when the capability does not allow that entry.
 */
export function writeTokenRelative(
  sink: Sink,
  token: AuthorisationToken,
  context: TokenContext,
): void {
  const { capability } = token
  assertBelongs(capability, context.entry)
  const { delegations } = capability
  const isSameRoot = sharesRoot(capability, context.prior.capability)
  const shared = isSameRoot ? sharedSteps(capability, context.prior.capability) : 0
  const hack = isSameRoot ? shared + 1 : 0
  const isOwned = capability.kind === 'owned'
  const count = delegations.length
  sink.byte((isOwned ? 0x80 : 0) | (compactTag(hack, 3) << 4) | compactTag(count, 4))
  writeCompactBody(sink, hack, 3)
  writeCompactBody(sink, count, 4)
  if (isOwned && hack === 0) {
    sink.bytes(capability.userKey)
    sink.bytes(capability.initialAuthorisation)
  }
  let reference = contextArea(delegations, shared, context.entry)
  for (const { area, userKey, signature } of delegations.slice(shared)) {
    writePrivateArea(sink, area, { privatePath: context.entry.path, reference })
    sink.bytes(userKey)
    sink.bytes(signature)
    reference = area
  }
  sink.bytes(token.signature)
}

/**
 * Reads `EncodeMeadowcapAuthorisationTokenRelative`. Nothing is verified: see
 * `isAuthorisedWrite`. Throws as every reader.
 */
export function readTokenRelative(cursor: Cursor, context: TokenContext): AuthorisationToken {
  const start = cursor.offset
  const { entry } = context
  const prior = context.prior.capability
  const header = cursor.byte()
  const kind = (header & 0x80) === 0 ? 'communal' : 'owned'
  const hackLimit = { max: prior.delegations.length + 1, what: 'for the shared delegations plus 1' }
  const hack = readCompactCount(cursor, { tag: (header >> 4) & 7, width: 3 }, hackLimit)
  const count = readCompactCount(cursor, { tag: header & 0xf, width: 4 }, delegationLimit)
  if (hack > 0 && prior.kind !== kind) throw cursor.error('shares steps with another kind', start)
  if (hack === 0 && prior.kind === kind && kind === 'communal') {
    throw cursor.error('a communal token after another shares its beginning', start)
  }
  const shared = Math.max(hack - 1, 0)
  if (shared > count) throw cursor.error(`shares ${shared} of ${count} delegations`, start)
  const root = readRoot(cursor, entry, hack > 0 && prior.kind === 'owned' ? prior : kind)
  cursor.require((count - shared) * minStepBytes)
  const delegations: Delegation[] = prior.delegations.slice(0, shared)
  let reference = contextArea(delegations, shared, entry)
  for (let index = shared; index < count; index++) {
    reference = readPrivateArea(cursor, { privatePath: entry.path, reference })
    delegations.push(Object.freeze({ area: reference, ...readStep(cursor) }))
  }
  const capability = Object.freeze({ ...root, delegations: Object.freeze(delegations) })
  return Object.freeze({ capability, signature: cursor.take(SIGNATURE_BYTES) })
}

/** The beginning of the capability: from the entry, from the token before, or from the code. */
function readRoot(
  cursor: Cursor,
  entry: Entry,
  from: McCapability['kind'] | OwnedCapability,
): McCapability {
  const fields = { accessMode: 'write', namespaceKey: entry.namespaceId, delegations: [] } as const
  if (from === 'communal') return { kind: 'communal', ...fields, userKey: entry.subspaceId }
  if (from !== 'owned') return { ...from, ...fields }
  const { userKey, signature } = readStep(cursor)
  return { kind: 'owned', ...fields, userKey, initialAuthorisation: signature }
}

/** What delegation `index` is relative to. Of the first it is the entry's subspace, in owned namespaces too. */
function contextArea(delegations: readonly Delegation[], index: number, entry: Entry): Area {
  return delegations[index - 1]?.area ?? subspaceArea(entry.subspaceId)
}

function sharesRoot(a: McCapability, b: McCapability): boolean {
  if (a.kind === 'communal') return b.kind === 'communal'
  return (
    b.kind === 'owned' &&
    bytesEqual(a.userKey, b.userKey) &&
    bytesEqual(a.initialAuthorisation, b.initialAuthorisation)
  )
}

function sharedSteps(a: McCapability, b: McCapability): number {
  const differs = a.delegations.findIndex((step, index) => {
    const other = b.delegations[index]
    return (
      other === undefined ||
      !bytesEqual(step.signature, other.signature) ||
      !bytesEqual(step.userKey, other.userKey) ||
      !areasEqual(step.area, other.area)
    )
  })
  return differs === -1 ? a.delegations.length : differs
}

function assertBelongs(capability: McCapability, entry: Entry): void {
  const isForEntry =
    capability.accessMode === 'write' &&
    bytesEqual(capability.namespaceKey, entry.namespaceId) &&
    (capability.kind === 'owned' || bytesEqual(capability.userKey, entry.subspaceId)) &&
    areaIncludesEntry(grantedArea(capability), entry)
  if (isForEntry) return
  const message = 'the capability does not allow the entry of its token'
  throw new MeadowcapError('ERR_WRITE_DENIED', message, { hint: 'use the token of this entry' })
}
