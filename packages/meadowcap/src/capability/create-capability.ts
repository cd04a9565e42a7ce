import { areaIncludes, createArea, type Area } from '../data/area.ts'
import { assertLength } from '../data/ids.ts'
import type { Path } from '../data/path.ts'
import { timeRanges } from '../data/range.ts'
import { MeadowcapError } from '../errors.ts'
import { ID_BYTES, MAX_DELEGATIONS } from '../limits.ts'
import {
  grantedArea,
  isCommunalNamespace,
  receiverOf,
  type AccessMode,
  type EnumerationCapability,
  type McCapability,
} from './capability.ts'
import {
  enumerationHandover,
  enumerationRootMessage,
  handoverMessage,
  ownedRootMessage,
} from './handover.ts'
import { assertSigner, type Signer } from './signer.ts'

/** What {@link createRootCapability} takes. */
export interface RootCapabilityInit {
  /** Reading and writing are two capabilities. */
  readonly access: AccessMode
  /**
   * The namespace: the id of a communal one, 32 bytes, or the key of an owned one, which
   * has to sign.
   */
  readonly namespace: Uint8Array | Signer
  /** 32 bytes: who is to hold it. */
  readonly userKey: Uint8Array
}

/**
 * The first capability of a user, from which all she hands on comes. In a communal
 * namespace it is for the subspace of her key, and nobody has to sign; in an owned
 * one it is for everything, and the namespace's key signs.
 *
 * @throws `MeadowcapError` `ERR_CAPABILITY_RECEIVER` when the id of an owned namespace is
 *   given without its key.
 * @throws `RangeError` when an id or key does not have 32 bytes.
 */
export function createRootCapability(init: RootCapabilityInit): McCapability {
  const { access, namespace, userKey } = init
  const namespaceKey = namespace instanceof Uint8Array ? namespace : namespace.publicKey
  assertLength(namespaceKey, ID_BYTES, 'namespace')
  assertLength(userKey, ID_BYTES, 'userKey')
  const fields = { accessMode: access, namespaceKey, userKey, delegations: Object.freeze([]) }
  if (isCommunalNamespace(namespaceKey)) return Object.freeze({ kind: 'communal', ...fields })
  if (namespace instanceof Uint8Array) {
    const message = 'the first capability for an owned namespace needs its key'
    throw new MeadowcapError('ERR_CAPABILITY_RECEIVER', message, {
      hint: 'give the key instead of the id, or ask its holder for a capability',
    })
  }
  const initialAuthorisation = namespace.sign(ownedRootMessage(access, userKey))
  return Object.freeze({ kind: 'owned', initialAuthorisation, ...fields })
}

/** What {@link delegateCapability} takes. */
export interface DelegateOptions {
  /** The key of the capability's receiver. */
  readonly signer: Signer
  /** What is handed on: inside of what is held. */
  readonly area: Area
  /** 32 bytes: to whom. */
  readonly to: Uint8Array
}

/**
 * Hands a capability on, for the same area or less. The given one stays as it is.
 *
 * @throws `MeadowcapError` `ERR_CAPABILITY_RECEIVER` when the signer does not hold it,
 *   `ERR_CAPABILITY_WIDENED` when the area is not inside, `ERR_CAPABILITY_LIMIT` when it
 *   was handed on 128 times.
 */
export function delegateCapability(
  capability: McCapability,
  options: DelegateOptions,
): McCapability {
  const { signer, area, to } = options
  assertLength(to, ID_BYTES, 'to')
  assertSigner(signer, receiverOf(capability), "the capability's receiver")
  assertRoomFor(capability.delegations.length)
  if (!areaIncludes(grantedArea(capability), area)) {
    const message = 'the area to be granted is not inside the one that is held'
    throw new MeadowcapError('ERR_CAPABILITY_WIDENED', message, {
      hint: 'grant a path below, a subspace within and times inside your own',
    })
  }
  const index = capability.delegations.length
  const signature = signer.sign(handoverMessage({ capability, index, area, userKey: to }))
  const step = Object.freeze({ area, userKey: to, signature })
  return Object.freeze({
    ...capability,
    delegations: Object.freeze([...capability.delegations, step]),
  })
}

function assertRoomFor(delegations: number): void {
  if (delegations < MAX_DELEGATIONS) return
  const message = `the capability was handed on ${delegations} times, at most ${MAX_DELEGATIONS} are allowed`
  throw new MeadowcapError('ERR_CAPABILITY_LIMIT', message, {
    hint: 'ask an earlier holder for a capability of your own',
  })
}

/** What {@link grantCapability} takes; what is left out is granted as it is held. */
export interface GrantOptions {
  /** The key of the capability's receiver. */
  readonly signer: Signer
  /** 32 bytes: to whom. */
  readonly to: Uint8Array
  /** From which path on down; begins with the path that is held. */
  readonly path?: Path | undefined
  /** 32 bytes: in which subspace. */
  readonly subspaceId?: Uint8Array | undefined
  /** From which timestamp on. */
  readonly notBefore?: bigint | undefined
  /** Until which timestamp, itself not included: see `timestampFromUnixMs`. This is how access ends. */
  readonly expiresAt?: bigint | undefined
}

/**
 * Hands a capability on, in everyday words: to whom, below which path, until when.
 *
 * @throws `MeadowcapError` as {@link delegateCapability}.
 * @throws `RangeError` when it would expire before it begins.
 */
export function grantCapability(capability: McCapability, options: GrantOptions): McCapability {
  const held = grantedArea(capability)
  const { signer, to, path = held.path, subspaceId = held.subspaceId } = options
  const { notBefore = held.times.start, expiresAt = held.times.end } = options
  const times = timeRanges.create(notBefore, expiresAt)
  return delegateCapability(capability, {
    signer,
    to,
    area: createArea({ subspaceId, path, times }),
  })
}

/**
 * The first capability to enumerate a namespace's subspaces: `userKey` may hand it on.
 *
 * @param namespace - The namespace's key.
 * @param userKey - 32 bytes.
 */
export function createEnumerationCapability(
  namespace: Signer,
  userKey: Uint8Array,
): EnumerationCapability {
  assertLength(userKey, ID_BYTES, 'userKey')
  return Object.freeze({
    namespaceKey: namespace.publicKey,
    userKey,
    initialAuthorisation: namespace.sign(enumerationRootMessage(userKey)),
    delegations: Object.freeze([]),
  })
}

/**
 * Hands an enumeration capability on.
 *
 * @throws `MeadowcapError` `ERR_CAPABILITY_RECEIVER` when the signer does not hold it,
 *   `ERR_CAPABILITY_LIMIT` when it was handed on 128 times.
 */
export function delegateEnumerationCapability(
  capability: EnumerationCapability,
  options: { readonly signer: Signer; readonly to: Uint8Array },
): EnumerationCapability {
  const { signer, to } = options
  const { delegations } = capability
  assertLength(to, ID_BYTES, 'to')
  assertSigner(signer, receiverOf(capability), "the capability's receiver")
  assertRoomFor(delegations.length)
  const signature = signer.sign(enumerationHandover(capability, delegations.length, to))
  const step = Object.freeze({ userKey: to, signature })
  return Object.freeze({ ...capability, delegations: Object.freeze([...delegations, step]) })
}
