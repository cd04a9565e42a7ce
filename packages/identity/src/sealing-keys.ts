import { createAgreementKey, randomBytes } from '#crypto'
import { MAX_OLD_SEALING_KEYS, SEALING_KEY_GRACE_MS, SEED_BYTES } from './limits.ts'
import type { AgreementKey } from './primitives.ts'
import { openWith, type OpenedMessage } from './sealed.ts'

/** What {@link createSealingKeys} takes. */
export interface SealingKeysInit {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /**
   * Gives so many bytes that nobody can guess.
   *
   * @defaultValue the platform's cryptographic generator
   */
  readonly random?: ((count: number) => Uint8Array) | undefined
}

/** What {@link SealingKeys.open} takes. */
export interface OpenOptions {
  /**
   * As it was given to `seal`.
   *
   * @defaultValue empty
   */
  readonly context?: Uint8Array | undefined
}

/**
 * The X25519 keys to which others seal messages for this node: the current one, which
 * goes into its peer record, and at most two that were replaced within 7 days.
 */
export interface SealingKeys {
  /** The current key: 32 bytes. Shared: do not change it. */
  readonly publicKey: Uint8Array
  /** When the current key was made, in milliseconds since 1970; once a day is a good time to rotate. */
  readonly createdAtMs: number
  /** Replaces the current key. Messages sealed to keys that were forgotten stay closed for ever, even for who steals the device. */
  rotate(): void
  /**
   * Opens what was sealed to one of the keys. A message opens as often as it is
   * shown: who must not act on it twice remembers what she has seen.
   *
   * @throws `IdentityError` `ERR_SEAL_INVALID`, whatever the bytes are and whatever is wrong with them.
   */
  open(sealed: Uint8Array, options?: OpenOptions): OpenedMessage
}

interface OldKey {
  readonly key: AgreementKey
  readonly replacedAtMs: number
}

/** Makes a first key. The keys live in memory only: after a restart older messages stay closed. */
export function createSealingKeys(init: SealingKeysInit): SealingKeys {
  return new RotatingKeys(init)
}

class RotatingKeys implements SealingKeys {
  readonly #now: () => number
  readonly #random: (count: number) => Uint8Array
  #current: AgreementKey
  #createdAtMs: number
  /** Newest first. */
  #old: readonly OldKey[] = []

  constructor({ now, random = randomBytes }: SealingKeysInit) {
    this.#now = now
    this.#random = random
    this.#current = createAgreementKey(random(SEED_BYTES))
    this.#createdAtMs = now()
  }

  get publicKey(): Uint8Array {
    return this.#current.publicKey
  }

  get createdAtMs(): number {
    return this.#createdAtMs
  }

  rotate(): void {
    const nowMs = this.#now()
    const replaced = { key: this.#current, replacedAtMs: nowMs }
    this.#old = [replaced, ...this.#old].slice(0, MAX_OLD_SEALING_KEYS)
    this.#current = createAgreementKey(this.#random(SEED_BYTES))
    this.#createdAtMs = nowMs
  }

  open(sealed: Uint8Array, options: OpenOptions = {}): OpenedMessage {
    this.#forget()
    const keys = [this.#current, ...this.#old.map(({ key }) => key)]
    return openWith(keys, sealed, options.context)
  }

  #forget(): void {
    const oldestMs = this.#now() - SEALING_KEY_GRACE_MS
    this.#old = this.#old.filter(({ replacedAtMs }) => replacedAtMs >= oldestMs)
  }
}
