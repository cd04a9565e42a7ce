/**
 * How the two ends of a session show each other which databases they have: when a list
 * of proofs goes out, when the peer's last one is compared, and how long a session may
 * stand that shares nothing. What a list proves, `membership.ts` says. Part of the pure
 * core.
 *
 * Lists travel with the other control frames, in order. With a peer of version 1 the list
 * that confirms a new session is its dialer's first frame, and nothing of the session comes
 * before it.
 */
import { createTokenBucket, type TokenBucket } from '@vudo/swarm'
import { frameKind } from './frames.ts'
import { MEMBERSHIP_LISTS_PER_SECOND } from './limits.ts'
import type { DatabaseKey, Membership, MembershipChange } from './membership.ts'
import { encodeProofs, protocolError } from './wire.ts'

/** What the exchange needs of its session. */
export interface ProofExchangeInit {
  /** True on the side that sent the hello. */
  readonly isDialer: boolean
  /** True when control frames travel in channel 0: from version 2 on. */
  readonly isOrdered: boolean
  readonly membership: Membership
  readonly unsharedGraceMs: number
  readonly nowMs: number
  /** Sends a list, in order with the other control frames. */
  readonly send: (frame: Uint8Array) => void
  /** Told what became shared and what ceased to be. */
  readonly onChange: (change: MembershipChange) => void
}

/** The lists of one session. */
export class ProofExchange {
  readonly #init: ProofExchangeInit
  readonly #lists: TokenBucket
  /** The last list that the peer sent, while it waits to be compared. */
  #shown: { readonly proofs: readonly Uint8Array[]; readonly atMs: number } | undefined
  /** True while the list is to go as the first frame of a new session of version 1. */
  #isConfirmDue: boolean
  #isAwaitingConfirm: boolean
  #unsharedAtMs: number | undefined

  constructor(init: ProofExchangeInit) {
    const { isDialer, isOrdered, membership, nowMs } = init
    this.#init = init
    this.#lists = createTokenBucket(MEMBERSHIP_LISTS_PER_SECOND, nowMs)
    this.#isAwaitingConfirm = !isDialer && !isOrdered
    this.#isConfirmDue = isDialer && !isOrdered
    this.#unsharedAtMs = membership.shared.size === 0 ? nowMs : undefined
    // Before any opening, and in order with it: another path could overtake a confirmation.
    if (isDialer && isOrdered) this.#show()
  }

  /** True until the dialer has confirmed the session. */
  get isAwaitingConfirm(): boolean {
    return this.#isAwaitingConfirm
  }

  /** When {@link onTimer} has something to do, or {@link isUnsharedTooLong} may become true. */
  get wakeAtMs(): number {
    const unshared = (this.#unsharedAtMs ?? Infinity) + this.#init.unsharedGraceMs
    return Math.min(unshared, this.#shown?.atMs ?? Infinity)
  }

  /** True when the session has shared nothing for as long as it may. */
  isUnsharedTooLong(nowMs: number): boolean {
    return (
      this.#unsharedAtMs !== undefined && nowMs >= this.#unsharedAtMs + this.#init.unsharedGraceMs
    )
  }

  /** The confirmation of a new session, once. */
  takeConfirm(): Uint8Array | undefined {
    if (!this.#isConfirmDue) return undefined
    this.#isConfirmDue = false
    const proofs = this.#init.membership.ownProofs()
    return encodeProofs({ kind: frameKind.confirm, proofs })
  }

  /** This node joined a database. */
  join(database: DatabaseKey, nowMs: number): void {
    this.#changeOwn(this.#init.membership.join(database), nowMs)
  }

  /** This node left a database. */
  leave(databaseId: string, nowMs: number): void {
    this.#changeOwn(this.#init.membership.leave(databaseId), nowMs)
  }

  /** The peer's list came with its welcome. */
  welcome(proofs: readonly Uint8Array[], nowMs: number): void {
    this.#change(this.#init.membership.show(proofs), nowMs)
  }

  /** @throws when the session was confirmed already, or needs no confirmation. */
  confirm(proofs: readonly Uint8Array[], nowMs: number): void {
    if (!this.#isAwaitingConfirm) throw protocolError('confirmation out of place')
    this.#isAwaitingConfirm = false
    this.#change(this.#init.membership.show(proofs), nowMs)
  }

  /** Each list replaces the one before, so of a flood of them only the last one is compared. */
  receive(proofs: readonly Uint8Array[], nowMs: number): void {
    this.#shown = { proofs, atMs: this.#shown?.atMs ?? nowMs + 1_000 / MEMBERSHIP_LISTS_PER_SECOND }
    if (this.#lists.take(nowMs)) this.compare(nowMs)
  }

  /** Compares the list that waits; does nothing when there is none. */
  compare(nowMs: number): void {
    if (this.#shown === undefined) return
    const change = this.#init.membership.show(this.#shown.proofs)
    this.#shown = undefined
    this.#change(change, nowMs)
  }

  onTimer(nowMs: number): void {
    if (this.#shown !== undefined && nowMs >= this.#shown.atMs) this.compare(nowMs)
  }

  /** The session goes on over another connection. */
  goOn(): void {
    // If the confirmation was lost with its connection: the list follows anyway.
    this.#isAwaitingConfirm = false
    this.#isConfirmDue = false
    if (!this.#init.isOrdered) this.#show()
  }

  /** No connection is left. */
  detach(): void {
    // Where nothing is numbered, whoever comes back shows all proofs first.
    if (!this.#init.isOrdered) this.#shown = undefined
  }

  #changeOwn(change: MembershipChange, nowMs: number): void {
    if (!this.#isConfirmDue) this.#show()
    this.#change(change, nowMs)
  }

  #change(change: MembershipChange, nowMs: number): void {
    this.#init.onChange(change)
    if (this.#init.membership.shared.size > 0) this.#unsharedAtMs = undefined
    else this.#unsharedAtMs ??= nowMs
  }

  #show(): void {
    const proofs = this.#init.membership.ownProofs()
    this.#init.send(encodeProofs({ kind: frameKind.membership, proofs }))
  }
}
