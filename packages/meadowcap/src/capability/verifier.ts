import { sha256, verifyEd25519, verifyEd25519Async } from '@vudo/identity'
import { bytesEqual, bytesToHex } from '@vudo/wire'
import { areaIncludesEntry } from '../data/area.ts'
import type { Entry } from '../data/entry.ts'
import { encodeCapability } from '../encoding/encode-capability.ts'
import { encodeEntry } from '../encoding/encode-entry.ts'
import { DEFAULT_MAX_VERIFIED } from '../limits.ts'
import {
  grantedArea,
  receiverOf,
  type AuthorisationToken,
  type EnumerationCapability,
  type McCapability,
} from './capability.ts'
import type { RevocationList } from './revocation-list.ts'
import { capabilityChecks, enumerationChecks, type SignatureCheck } from './signature-checks.ts'

/** Why an entry may not be written with a token. */
export type WriteDenial =
  /** The capability is for reading. */
  | 'read-only'
  /** The capability is for another namespace. */
  | 'wrong-namespace'
  /** The capability does not grant this subspace, path or time; it may have expired. */
  | 'outside-area'
  /** This node's own list revokes the capability, or a key that it went through. */
  | 'revoked'
  /** The capability does not hold: see `isValidCapability`. */
  | 'capability-invalid'
  /** The capability's receiver did not sign this entry. */
  | 'signature-invalid'

/** An entry and what allows it. */
export interface AuthorisedEntry {
  readonly entry: Entry
  readonly token: AuthorisationToken
}

/** What {@link createVerifier} takes. */
export interface VerifierInit {
  /**
   * Capabilities remembered as valid, by their whole code; the one not used for longest
   * is forgotten. More saves signature checks and costs about 150 bytes each.
   *
   * @defaultValue 4096
   */
  readonly maxCached?: number | undefined
  /** What this node does not accept any more. Others may: see `createRevocationList`. */
  readonly revocations?: RevocationList | undefined
  /** How one signature is checked; strict Ed25519 when left out. */
  readonly verify?: ((check: SignatureCheck) => boolean) | undefined
  /** The same without waiting for it; on other threads when left out. */
  readonly verifyAsync?: ((check: SignatureCheck) => Promise<boolean>) | undefined
}

/** Checks capabilities and writes, and remembers which capabilities are valid. */
export interface Verifier {
  /** How many capabilities are remembered. */
  readonly cached: number
  /**
   * Tells whether every signature of a capability is right, no step widens, and its
   * kind is that of its namespace. Says nothing about time and revocation.
   */
  isValidCapability(capability: McCapability): boolean
  /** Tells whether every signature of an enumeration capability is right. Not remembered. */
  isValidEnumerationCapability(capability: EnumerationCapability): boolean
  /** Tells whether `token` allows `entry`. */
  isAuthorisedWrite(entry: Entry, token: AuthorisationToken): boolean
  /** Why `token` does not allow `entry`; `undefined` when it does. */
  denialOf(entry: Entry, token: AuthorisationToken): WriteDenial | undefined
  /**
   * The denial of each write, in their order, with the signatures checked beside the
   * main thread. Bound the batch: all its checks are queued at once.
   */
  denialsOf(writes: readonly AuthorisedEntry[]): Promise<(WriteDenial | undefined)[]>
}

/** A verifier with a memory of its own. */
export function createVerifier(init: VerifierInit = {}): Verifier {
  return new CachingVerifier(init)
}

class CachingVerifier implements Verifier {
  readonly #maxCached: number
  readonly #revocations: RevocationList | undefined
  readonly #verify: (check: SignatureCheck) => boolean
  readonly #verifyAsync: (check: SignatureCheck) => Promise<boolean>
  /** Ids of valid capabilities, the one not used for longest first. */
  readonly #valid = new Set<string>()

  constructor(init: VerifierInit) {
    const { maxCached = DEFAULT_MAX_VERIFIED, revocations, verify = verifyStrict } = init
    if (!Number.isSafeInteger(maxCached) || maxCached < 0) {
      throw new RangeError(`maxCached is ${maxCached}, expected 0 or more`)
    }
    this.#maxCached = maxCached
    this.#revocations = revocations
    this.#verify = verify
    // Whoever replaces one way of checking must not be surprised by the other.
    const fallback = init.verify === undefined ? verifyStrictAsync : inPromise(verify)
    this.#verifyAsync = init.verifyAsync ?? fallback
  }

  get cached(): number {
    return this.#valid.size
  }

  isValidCapability(capability: McCapability): boolean {
    const checks = capabilityChecks(capability)
    if (checks === undefined) return false
    const id = idOf(capability)
    if (this.#isCached(id)) return true
    const isValid = checks().every(this.#verify)
    if (isValid) this.#remember(id)
    return isValid
  }

  isValidEnumerationCapability(capability: EnumerationCapability): boolean {
    return enumerationChecks(capability)?.every(this.#verify) ?? false
  }

  isAuthorisedWrite(entry: Entry, token: AuthorisationToken): boolean {
    return this.denialOf(entry, token) === undefined
  }

  denialOf(entry: Entry, token: AuthorisationToken): WriteDenial | undefined {
    const denial = this.#denialBeforeSignatures(entry, token.capability)
    if (denial !== undefined) return denial
    if (!this.isValidCapability(token.capability)) return 'capability-invalid'
    return this.#verify(writeCheck(entry, token)) ? undefined : 'signature-invalid'
  }

  async denialsOf(writes: readonly AuthorisedEntry[]): Promise<(WriteDenial | undefined)[]> {
    /** Capabilities that are being checked: a batch mostly has few. */
    const pending = new Map<string, Promise<boolean>>()
    return Promise.all(
      writes.map(async ({ entry, token }) => {
        const denial = this.#denialBeforeSignatures(entry, token.capability)
        if (denial !== undefined) return denial
        const [isValid, isSigned] = await Promise.all([
          this.#isValidAsync(token.capability, pending),
          this.#verifyAsync(writeCheck(entry, token)),
        ])
        if (!isValid) return 'capability-invalid'
        return isSigned ? undefined : 'signature-invalid'
      }),
    )
  }

  /** What costs nothing comes first: an attacker should not get signatures checked for it. */
  #denialBeforeSignatures(entry: Entry, capability: McCapability): WriteDenial | undefined {
    if (capability.accessMode !== 'write') return 'read-only'
    // Not in the specification's list. Without it, whoever makes a namespace of her own
    // could write into every other one.
    if (!bytesEqual(capability.namespaceKey, entry.namespaceId)) return 'wrong-namespace'
    if (!areaIncludesEntry(grantedArea(capability), entry)) return 'outside-area'
    return this.#revocations?.isRevoked(capability) === true ? 'revoked' : undefined
  }

  async #isValidAsync(
    capability: McCapability,
    pending: Map<string, Promise<boolean>>,
  ): Promise<boolean> {
    const checks = capabilityChecks(capability)
    if (checks === undefined) return false
    const id = idOf(capability)
    if (this.#isCached(id)) return true
    const running = pending.get(id) ?? this.#checkAsync(id, checks())
    pending.set(id, running)
    return running
  }

  async #checkAsync(id: string, checks: readonly SignatureCheck[]): Promise<boolean> {
    const answers = await Promise.all(checks.map(async (check) => this.#verifyAsync(check)))
    const isValid = answers.every(Boolean)
    if (isValid) this.#remember(id)
    return isValid
  }

  #isCached(id: string): boolean {
    if (!this.#valid.delete(id)) return false
    this.#valid.add(id)
    return true
  }

  #remember(id: string): void {
    this.#valid.add(id)
    if (this.#valid.size <= this.#maxCached) return
    for (const oldest of this.#valid) {
      this.#valid.delete(oldest)
      break
    }
  }
}

/** The whole code: mode and namespace are bound to a step by all steps before it only. */
function idOf(capability: McCapability): string {
  return bytesToHex(sha256(encodeCapability(capability)))
}

function writeCheck(entry: Entry, token: AuthorisationToken): SignatureCheck {
  return {
    publicKey: receiverOf(token.capability),
    message: encodeEntry(entry),
    signature: token.signature,
  }
}

function verifyStrict({ publicKey, message, signature }: SignatureCheck): boolean {
  return verifyEd25519(publicKey, message, signature)
}

async function verifyStrictAsync(check: SignatureCheck): Promise<boolean> {
  return verifyEd25519Async(check.publicKey, check.message, check.signature)
}

function inPromise(
  verify: (check: SignatureCheck) => boolean,
): (check: SignatureCheck) => Promise<boolean> {
  return async (check) => Promise.resolve(verify(check))
}

/** The verifier of {@link isValidCapability} and {@link isAuthorisedWrite}. */
const shared = createVerifier()

/** Tells whether a capability holds, as `Verifier.isValidCapability`, with a memory shared by the process. */
export function isValidCapability(capability: McCapability): boolean {
  return shared.isValidCapability(capability)
}

/** Tells whether an enumeration capability holds, as `Verifier.isValidEnumerationCapability`. */
export function isValidEnumerationCapability(capability: EnumerationCapability): boolean {
  return shared.isValidEnumerationCapability(capability)
}

/**
 * Tells whether `token` allows `entry`: the capability is valid, for writing, for the
 * entry's namespace, its area includes the entry, and its receiver signed the entry.
 * With a memory shared by the process.
 */
export function isAuthorisedWrite(entry: Entry, token: AuthorisationToken): boolean {
  return shared.isAuthorisedWrite(entry, token)
}
