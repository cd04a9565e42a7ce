import { fullArea, subspaceArea, type Area } from '../data/area.ts'

/** What a capability allows: reading or writing. It is fixed by the first holder and cannot be changed by handing on. */
export type AccessMode = 'read' | 'write'

/** One step by which a capability was handed on. */
export interface Delegation {
  /** What was granted: inside what was held. */
  readonly area: Area
  /** 32 bytes: to whom. */
  readonly userKey: Uint8Array
  /** 64 bytes: by whom, namely the receiver of the step before. */
  readonly signature: Uint8Array
}

/** What both kinds of capabilities have. */
export interface CapabilityFields {
  readonly accessMode: AccessMode
  /** 32 bytes: the id of the namespace. */
  readonly namespaceKey: Uint8Array
  /** 32 bytes: who held it first. */
  readonly userKey: Uint8Array
  /** From the first holder's to the last. */
  readonly delegations: readonly Delegation[]
}

/** A capability for a communal namespace: everybody owns the subspace of her own key. */
export interface CommunalCapability extends CapabilityFields {
  readonly kind: 'communal'
}

/** A capability for an owned namespace: the namespace's key says who may do what. */
export interface OwnedCapability extends CapabilityFields {
  readonly kind: 'owned'
  /** 64 bytes by the namespace's key: it makes `userKey` the first holder. */
  readonly initialAuthorisation: Uint8Array
}

/**
 * Who may read or write which entries, as signed by those who could grant it
 * (Meadowcap, "McCapability"). Immutable; its bytes are shared: do not change them.
 */
export type McCapability = CommunalCapability | OwnedCapability

/** The proof that its receiver may list the subspaces of an owned namespace. */
export interface EnumerationCapability {
  /** 32 bytes: the id of the namespace. */
  readonly namespaceKey: Uint8Array
  /** 32 bytes: who held it first. */
  readonly userKey: Uint8Array
  /** 64 bytes by the namespace's key. */
  readonly initialAuthorisation: Uint8Array
  readonly delegations: readonly EnumerationDelegation[]
}

/** One step by which an enumeration capability was handed on. */
export interface EnumerationDelegation {
  /** 32 bytes: to whom. */
  readonly userKey: Uint8Array
  /** 64 bytes: by the receiver of the step before. */
  readonly signature: Uint8Array
}

/** What makes an entry an authorised one: the right to write it, used by whoever has it. */
export interface AuthorisationToken {
  readonly capability: McCapability
  /** 64 bytes: the capability's receiver over `encodeEntry`. */
  readonly signature: Uint8Array
}

/**
 * Tells whether a namespace is communal, where everybody may write in a subspace of
 * her own: the last bit of its key is 0. The others belong to whoever has the key.
 */
export function isCommunalNamespace(namespaceKey: Uint8Array): boolean {
  return ((namespaceKey[31] ?? 1) & 1) === 0
}

/** The area of a capability before anybody handed it on. */
export function rootArea(capability: McCapability): Area {
  return capability.kind === 'communal' ? subspaceArea(capability.userKey) : fullArea
}

/** What a capability grants. Its times say until which timestamp entries may be written. */
export function grantedArea(capability: McCapability): Area {
  return capability.delegations.at(-1)?.area ?? rootArea(capability)
}

/** To whom a capability grants it: 32 bytes, shared. */
export function receiverOf(capability: McCapability | EnumerationCapability): Uint8Array {
  return capability.delegations.at(-1)?.userKey ?? capability.userKey
}
