import { areaIncludes } from '../data/area.ts'
import { ID_BYTES, MAX_DELEGATIONS, SIGNATURE_BYTES } from '../limits.ts'
import {
  isCommunalNamespace,
  receiverOf,
  rootArea,
  type EnumerationCapability,
  type EnumerationDelegation,
  type McCapability,
} from './capability.ts'
import {
  enumerationHandover,
  enumerationRootMessage,
  handoverMessage,
  ownedRootMessage,
} from './handover.ts'

/** One signature to be checked. */
export interface SignatureCheck {
  /** 32 bytes: who has signed. */
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/**
 * What has to be verified for a capability to hold; `undefined` when it cannot hold
 * whatever its signatures are. Making the messages costs, so they come when called for.
 */
export function capabilityChecks(capability: McCapability): (() => SignatureCheck[]) | undefined {
  if (!isWellFormed(capability) || !hasRightKind(capability) || widens(capability)) {
    return undefined
  }
  return () => {
    const steps = capability.delegations.map((step, index) => ({
      publicKey: capability.delegations[index - 1]?.userKey ?? capability.userKey,
      message: handoverMessage({ capability, index, area: step.area, userKey: step.userKey }),
      signature: step.signature,
    }))
    if (capability.kind === 'communal') return steps
    const root = {
      publicKey: capability.namespaceKey,
      message: ownedRootMessage(capability.accessMode, capability.userKey),
      signature: capability.initialAuthorisation,
    }
    return [root, ...steps]
  }
}

/** As {@link capabilityChecks}, for an enumeration capability. */
export function enumerationChecks(capability: EnumerationCapability): SignatureCheck[] | undefined {
  const { namespaceKey, userKey, initialAuthorisation, delegations } = capability
  if (!isWellFormed(capability) || initialAuthorisation.length !== SIGNATURE_BYTES) return undefined
  const root = {
    publicKey: namespaceKey,
    message: enumerationRootMessage(userKey),
    signature: initialAuthorisation,
  }
  const steps = delegations.map((step, index) => ({
    publicKey: receiverOf({ ...capability, delegations: delegations.slice(0, index) }),
    message: enumerationHandover(capability, index, step.userKey),
    signature: step.signature,
  }))
  return [root, ...steps]
}

/**
 * Lengths have to be right before a code is hashed: with a byte moved from one field to
 * the next, another capability would have the same code.
 */
function isWellFormed(capability: McCapability | EnumerationCapability): boolean {
  const { namespaceKey, userKey } = capability
  const delegations: readonly EnumerationDelegation[] = capability.delegations
  return (
    namespaceKey.length === ID_BYTES &&
    userKey.length === ID_BYTES &&
    delegations.length <= MAX_DELEGATIONS &&
    delegations.every(
      (step) => step.userKey.length === ID_BYTES && step.signature.length === SIGNATURE_BYTES,
    )
  )
}

/** A communal capability in an owned namespace would let everybody in. */
function hasRightKind(capability: McCapability): boolean {
  if (capability.kind === 'communal') return isCommunalNamespace(capability.namespaceKey)
  return (
    !isCommunalNamespace(capability.namespaceKey) &&
    capability.initialAuthorisation.length === SIGNATURE_BYTES
  )
}

/** Each area has to lie in the one before, not only in the first. */
function widens(capability: McCapability): boolean {
  let held = rootArea(capability)
  for (const { area } of capability.delegations) {
    if (!areaIncludes(held, area)) return true
    if (area.subspaceId !== undefined && area.subspaceId.length !== ID_BYTES) return true
    held = area
  }
  return false
}
