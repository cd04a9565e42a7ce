import { decodeCapability, encodeCapability } from '../encoding/encode-capability.ts'
import { capabilityId } from './capability-id.ts'
import type { McCapability } from './capability.ts'
import { createRootCapability, delegateCapability, grantCapability } from './create-capability.ts'
import { isValidCapability } from './verifier.ts'

/** Who may read or write which entries, as signed by those who could grant it. */
export type Capability = McCapability

/** What can be done with capabilities, in one place. */
export interface CapabilityFunctions {
  /** The first capability of a user: see {@link createRootCapability}. */
  readonly newRoot: typeof createRootCapability
  /** Hands one on, to whom, below which path, until when: see {@link grantCapability}. */
  readonly grant: typeof grantCapability
  /** Hands one on for an area: see {@link delegateCapability}. */
  readonly delegate: typeof delegateCapability
  /** Tells whether one holds: see {@link isValidCapability}. */
  readonly isValid: typeof isValidCapability
  /** Its id: see {@link capabilityId}. */
  readonly id: typeof capabilityId
  /** Its bytes, to be stored or sent: see {@link encodeCapability}. */
  readonly encode: typeof encodeCapability
  /** From its bytes; not verified: see {@link decodeCapability}. */
  readonly decode: typeof decodeCapability
}

/** What can be done with capabilities: `Capability.newRoot(…)`, `Capability.grant(…)` and so on. */
export const Capability: CapabilityFunctions = Object.freeze({
  newRoot: createRootCapability,
  grant: grantCapability,
  delegate: delegateCapability,
  isValid: isValidCapability,
  id: capabilityId,
  encode: encodeCapability,
  decode: decodeCapability,
})
