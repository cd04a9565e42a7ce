/** Every bound of this package, with its unit and reason. */

/** Bytes of one path component (Willow'25 `max_component_length`). */
export const MAX_COMPONENT_BYTES = 4096

/** Components of a path (Willow'25 `max_component_count`). */
export const MAX_COMPONENTS = 4096

/** Bytes of all components of a path together (Willow'25 `max_path_length`). */
export const MAX_PATH_BYTES = 4096

/**
 * Bytes of a path's sort key: each byte of a component may need two, each component
 * ends with two.
 */
export const MAX_SORT_KEY_BYTES: number = 2 * MAX_PATH_BYTES + 2 * MAX_COMPONENTS

/** Bytes of a namespace id, a subspace id and a user key: Ed25519 public keys. */
export const ID_BYTES = 32

/** Bytes of a payload digest (WILLIAM3). */
export const DIGEST_BYTES = 32

/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64

/** The greatest U64: timestamps and lengths end here. */
export const MAX_U64 = 0xffff_ffff_ffff_ffffn

/**
 * Delegations in one capability. Ours, not the specification's: a chain costs a
 * signature check per step before it proves anything, so a longer one is refused.
 */
export const MAX_DELEGATIONS = 128

/** Bytes of the shortest delegation: an area of 3, a key of 32, a signature of 64. */
export const MIN_DELEGATION_BYTES = 99

/** Capabilities a verifier remembers as valid; an id and its place take about 150 bytes. */
export const DEFAULT_MAX_VERIFIED = 4096

/** Capabilities in a capability store. */
export const DEFAULT_MAX_CAPABILITIES = 1024

/** Entries in a revocation list. */
export const DEFAULT_MAX_REVOCATIONS = 4096

/** Characters of a name from which a namespace is derived. */
export const MAX_NAMESPACE_NAME_CHARACTERS = 256
