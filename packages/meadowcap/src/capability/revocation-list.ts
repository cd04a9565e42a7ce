import { bytesToHex } from '@vudo/wire'
import { MeadowcapError } from '../errors.ts'
import { DEFAULT_MAX_REVOCATIONS } from '../limits.ts'
import { capabilityId } from './capability-id.ts'
import type { McCapability } from './capability.ts'

/** What a revocation list holds, to be stored and given to the next one. */
export interface Revocations {
  /** Revoked steps, as {@link RevocationList.revokeCapability} returned them. */
  readonly capabilities: readonly string[]
  /** Revoked user keys, 64 characters of lower-case hex each. */
  readonly keys: readonly string[]
}

/** What {@link createRevocationList} takes. */
export interface RevocationListInit {
  /**
   * Entries at most; then nothing more can be revoked.
   *
   * @defaultValue 4096
   */
  readonly maxEntries?: number | undefined
  /** What was revoked before. */
  readonly revoked?: Revocations | undefined
}

/**
 * What this node does not accept any more, whatever is signed. Meadowcap knows no
 * revocation: other nodes go on accepting until they have the entry on a list of
 * their own, and until then stores may differ. Let capabilities expire instead where
 * that will do.
 */
export interface RevocationList {
  /** How many entries there are. */
  readonly size: number
  /**
   * Revokes this capability and every one that was handed on from it.
   *
   * @returns its entry in {@link Revocations.capabilities}.
   * @throws `MeadowcapError` `ERR_CAPABILITY_LIMIT` when the list is full.
   */
  revokeCapability(capability: McCapability): string
  /**
   * Revokes every capability that this user (32 bytes) holds or ever handed on.
   *
   * @throws `MeadowcapError` `ERR_CAPABILITY_LIMIT` when the list is full.
   */
  revokeKey(userKey: Uint8Array): void
  /** Takes one entry back, whichever kind; `false` when there is none. */
  restore(entry: string): boolean
  /** Tells whether a capability, a step before it, or a key in its chain is revoked. */
  isRevoked(capability: McCapability): boolean
  /** Everything on the list. */
  export(): Revocations
}

/**
 * A list with what was revoked before.
 *
 * @throws `MeadowcapError` `ERR_CAPABILITY_LIMIT` when that is more than fits.
 */
export function createRevocationList(init: RevocationListInit = {}): RevocationList {
  return new LocalRevocations(init)
}

class LocalRevocations implements RevocationList {
  readonly #maxEntries: number
  readonly #capabilities = new Set<string>()
  readonly #keys = new Set<string>()

  constructor(init: RevocationListInit) {
    this.#maxEntries = init.maxEntries ?? DEFAULT_MAX_REVOCATIONS
    for (const entry of init.revoked?.capabilities ?? []) this.#add(this.#capabilities, entry)
    for (const entry of init.revoked?.keys ?? []) this.#add(this.#keys, entry)
  }

  get size(): number {
    return this.#capabilities.size + this.#keys.size
  }

  revokeCapability(capability: McCapability): string {
    const last = capability.delegations.at(-1)
    const entry = last === undefined ? rootEntry(capability) : bytesToHex(last.signature)
    this.#add(this.#capabilities, entry)
    return entry
  }

  revokeKey(userKey: Uint8Array): void {
    this.#add(this.#keys, bytesToHex(userKey))
  }

  restore(entry: string): boolean {
    return this.#capabilities.delete(entry) || this.#keys.delete(entry)
  }

  isRevoked(capability: McCapability): boolean {
    const { userKey, delegations } = capability
    if (this.#keys.size > 0) {
      const isKeyRevoked = [userKey, ...delegations.map((step) => step.userKey)].some((key) =>
        this.#keys.has(bytesToHex(key)),
      )
      if (isKeyRevoked) return true
    }
    if (this.#capabilities.size === 0) return false
    // A step's signature is over everything before it, and only its giver could make another.
    return (
      this.#capabilities.has(rootEntry(capability)) ||
      delegations.some(({ signature }) => this.#capabilities.has(bytesToHex(signature)))
    )
  }

  export(): Revocations {
    return { capabilities: [...this.#capabilities], keys: [...this.#keys] }
  }

  #add(entries: Set<string>, entry: string): void {
    if (entries.has(entry)) return
    if (this.size >= this.#maxEntries) {
      const message = `the revocation list is full: ${this.#maxEntries} entries`
      throw new MeadowcapError('ERR_CAPABILITY_LIMIT', message, {
        hint: 'take back entries of capabilities that have expired, or raise maxEntries',
      })
    }
    entries.add(entry)
  }
}

/** Names the capability that was not handed on yet. */
function rootEntry(capability: McCapability): string {
  return capabilityId({ ...capability, delegations: [] })
}
