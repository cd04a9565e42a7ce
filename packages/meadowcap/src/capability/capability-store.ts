import { bytesEqual } from '@vudo/wire'
import { areaIncludes, areaIncludesEntry, type Area } from '../data/area.ts'
import type { EntryPlace } from '../data/entry.ts'
import { MeadowcapError } from '../errors.ts'
import { DEFAULT_MAX_CAPABILITIES } from '../limits.ts'
import { capabilityId, expiryOf, isExpired } from './capability-id.ts'
import { grantedArea, receiverOf, type AccessMode, type McCapability } from './capability.ts'
import type { RevocationList } from './revocation-list.ts'
import { createVerifier, type Verifier } from './verifier.ts'

/** What {@link createCapabilityStore} takes. */
export interface CapabilityStoreInit {
  /**
   * Capabilities at most; then none is added until some are removed.
   *
   * @defaultValue 1024
   */
  readonly maxCapabilities?: number | undefined
  /** Checks what is added; one of its own when left out. */
  readonly verifier?: Verifier | undefined
  /** What is not given out any more, even when it is in the store. */
  readonly revocations?: RevocationList | undefined
}

/** What is looked for in a capability store; what is left out does not matter. */
export interface CapabilityQuery {
  /** 32 bytes. */
  readonly namespaceId: Uint8Array
  readonly access: AccessMode
  /** 32 bytes: who holds it. */
  readonly receiver?: Uint8Array | undefined
  /** It has to grant all of this. */
  readonly area?: Area | undefined
  /** It has to grant this place. */
  readonly place?: EntryPlace | undefined
  /** A timestamp at which it has not expired. */
  readonly now?: bigint | undefined
}

/** The capabilities somebody holds: every one verified, none twice. In memory; store what `all` gives, encoded. */
export interface CapabilityStore {
  /** How many there are. */
  readonly size: number
  /** Every capability, in the order in which they were added. */
  readonly all: readonly McCapability[]
  /**
   * Adds a capability.
   *
   * @returns whether it is new.
   * @throws `MeadowcapError` `ERR_CAPABILITY_INVALID` when it does not hold,
   *   `ERR_CAPABILITY_LIMIT` when the store is full.
   */
  add(capability: McCapability): boolean
  /** Removes one by its id; `false` when it is not there. */
  remove(id: string): boolean
  /** Removes those that allow nothing from timestamp `now` on: how many. */
  removeExpired(now: bigint): number
  /** What fits, the one with the shortest chain first, of those the one that expires last. */
  find(query: CapabilityQuery): readonly McCapability[]
}

/** An empty store. */
export function createCapabilityStore(init: CapabilityStoreInit = {}): CapabilityStore {
  return new MemoryCapabilities(init)
}

class MemoryCapabilities implements CapabilityStore {
  readonly #maxCapabilities: number
  readonly #verifier: Verifier
  readonly #revocations: RevocationList | undefined
  readonly #byId = new Map<string, McCapability>()

  constructor(init: CapabilityStoreInit) {
    const { maxCapabilities = DEFAULT_MAX_CAPABILITIES, verifier, revocations } = init
    this.#maxCapabilities = maxCapabilities
    this.#verifier = verifier ?? createVerifier()
    this.#revocations = revocations
  }

  get size(): number {
    return this.#byId.size
  }

  get all(): readonly McCapability[] {
    return [...this.#byId.values()]
  }

  add(capability: McCapability): boolean {
    if (!this.#verifier.isValidCapability(capability)) {
      throw new MeadowcapError('ERR_CAPABILITY_INVALID', 'the capability does not hold', {
        hint: 'ask its giver for another',
      })
    }
    const id = capabilityId(capability)
    if (this.#byId.has(id)) return false
    if (this.#byId.size >= this.#maxCapabilities) {
      const message = `the capability store is full: ${this.#maxCapabilities} capabilities`
      throw new MeadowcapError('ERR_CAPABILITY_LIMIT', message, {
        hint: 'call removeExpired, remove what is not needed, or raise maxCapabilities',
      })
    }
    this.#byId.set(id, capability)
    return true
  }

  remove(id: string): boolean {
    return this.#byId.delete(id)
  }

  removeExpired(now: bigint): number {
    const expired = [...this.#byId].filter(([, capability]) => isExpired(capability, now))
    for (const [id] of expired) this.#byId.delete(id)
    return expired.length
  }

  find(query: CapabilityQuery): readonly McCapability[] {
    return this.all
      .filter((capability) => fits(capability, query))
      .filter((capability) => this.#revocations?.isRevoked(capability) !== true)
      .toSorted(byUsefulness)
  }
}

function fits(capability: McCapability, query: CapabilityQuery): boolean {
  const { namespaceId, access, receiver, area, place, now } = query
  const granted = grantedArea(capability)
  return (
    capability.accessMode === access &&
    bytesEqual(capability.namespaceKey, namespaceId) &&
    (receiver === undefined || bytesEqual(receiverOf(capability), receiver)) &&
    (area === undefined || areaIncludes(granted, area)) &&
    (place === undefined || areaIncludesEntry(granted, place)) &&
    (now === undefined || !isExpired(capability, now))
  )
}

function byUsefulness(a: McCapability, b: McCapability): number {
  const steps = a.delegations.length - b.delegations.length
  if (steps !== 0) return steps
  const [x, y] = [expiryOf(a), expiryOf(b)]
  if (x === y) return 0
  if (x === undefined || y === undefined) return x === undefined ? -1 : 1
  return x > y ? -1 : 1
}
