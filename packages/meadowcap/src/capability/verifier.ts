import { sha256, verifyEd25519, verifyEd25519Async } from '@vudo/identity'
import { bytesEqual, bytesToHex, concatBytes } from '@vudo/wire'
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
   * Capabilities remembered as valid, each step of a chain as one of its own; the one not used
   * for longest is forgotten. More saves signature checks and costs about 150 bytes each.
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
  /** The same beside the main thread, one signature of a capability after the other, in their order. */
  areValidCapabilities(capabilities: readonly McCapability[]): Promise<boolean[]>
  /** Tells whether every signature of an enumeration capability is right. Not remembered. */
  isValidEnumerationCapability(capability: EnumerationCapability): boolean
  /** Tells whether `token` allows `entry`. */
  isAuthorisedWrite(entry: Entry, token: AuthorisationToken): boolean
  /** Why `token` does not allow `entry`; `undefined` when it does. */
  denialOf(entry: Entry, token: AuthorisationToken): WriteDenial | undefined
  /**
   * The denial of each write, in their order, with the signatures checked beside the
   * main thread, at most two of each write at once.
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
    const steps = stepsOf(capability)
    if (steps === undefined) return false
    const unknown = steps.slice(this.#knownSteps(steps))
    for (const step of unknown) {
      if (!step.checks.every(this.#verify)) return false
      this.#remember(step)
    }
    return true
  }

  async areValidCapabilities(capabilities: readonly McCapability[]): Promise<boolean[]> {
    const pending = new Map<string, Promise<boolean>>()
    const answers: boolean[] = []
    // One after the other: they come from one peer, who should not keep all threads busy.
    for (const one of capabilities) answers.push(await this.#isValidAsync(one, pending))
    return answers
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
    const steps = stepsOf(capability)
    if (steps === undefined) return false
    for (const step of steps.slice(this.#knownSteps(steps))) {
      // Another write of the batch may be at the same step.
      const running = pending.get(step.id) ?? this.#checkAsync(step)
      pending.set(step.id, running)
      if (!(await running)) return false
    }
    return true
  }

  async #checkAsync(step: Step): Promise<boolean> {
    const answers = await Promise.all(step.checks.map(async (check) => this.#verifyAsync(check)))
    const isValid = answers.every(Boolean)
    if (isValid) this.#remember(step)
    return isValid
  }

  /** How many steps from the root on make a capability that is remembered. */
  #knownSteps(steps: readonly Step[]): number {
    return steps.findLastIndex(({ id }) => this.#isCached(id)) + 1
  }

  #isCached(id: string): boolean {
    if (!this.#valid.delete(id)) return false
    this.#valid.add(id)
    return true
  }

  #remember({ id, checks }: Step): void {
    // The first holder of a communal namespace costs nothing, and anybody can make up many.
    if (checks.length === 0) return
    this.#valid.add(id)
    if (this.#valid.size <= this.#maxCached) return
    for (const oldest of this.#valid) {
      this.#valid.delete(oldest)
      break
    }
  }
}

/** A capability up to one of its holders: what it adds to the one before, and the name of all of it. */
interface Step {
  readonly id: string
  readonly checks: readonly SignatureCheck[]
}

/**
 * Each holder in turn, so that whoever hands on what is known costs one check; `undefined` when
 * the capability cannot hold. An id names all before it: mode and namespace are bound to a step
 * by all steps before it only.
 */
function stepsOf(capability: McCapability): Step[] | undefined {
  const makeChecks = capabilityChecks(capability)
  if (makeChecks === undefined) return undefined
  const { delegations } = capability
  const checks = makeChecks()
  const ofRoot = checks.slice(0, checks.length - delegations.length)
  let before = sha256(encodeCapability({ ...capability, delegations: [] }))
  const steps = [{ id: bytesToHex(before), checks: ofRoot }]
  for (const check of checks.slice(ofRoot.length)) {
    before = sha256(concatBytes(before, check.signature, check.message))
    steps.push({ id: bytesToHex(before), checks: [check] })
  }
  return steps
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
