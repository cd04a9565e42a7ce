/**
 * Whom to dial when: a table of targets, each with its own backoff. No sockets; the
 * timers are set here because there is nothing else in it.
 *
 * Of two peers that find each other, the one with the smaller id dials at once and
 * the other waits a moment. A target that fails waits 1 s, then twice as long each
 * time, up to 5 minutes, with jitter, so that peers of a server that comes back do
 * not arrive all at the same moment. While a session waits for its peer the pauses
 * are short.
 */
import type { Address, DialTarget, PeerId } from '@vudo/transport'
import {
  MAX_KNOWN_PEERS,
  MAX_PARALLEL_DIALS,
  REDIAL_FIRST_MS,
  REDIAL_MAX_MS,
  RESUME_FIRST_MS,
  RESUME_MAX_MS,
  YIELD_DIAL_MS,
} from './limits.ts'

/** A peer id, or the address of a bootstrap node. */
export type Target = DialTarget

/** What the table needs. */
export interface RedialInit {
  readonly self: PeerId
  /** True when the target needs no dial now. */
  readonly isConnected: (target: Target) => boolean
  /** True when a session with the target waits for it. */
  readonly isAwaited: (target: Target) => boolean
  /** Dials and shakes hands; rejects when it failed. */
  readonly dial: (target: Target) => Promise<unknown>
  readonly random: () => number
}

interface Entry {
  failures: number
  isDialling: boolean
  /** Waits for one of the parallel dials to end. */
  isDue: boolean
  timer: ReturnType<typeof setTimeout> | undefined
  /** Why it is wanted: ids of databases; a bootstrap node needs none. */
  readonly reasons: Set<string>
  readonly isPermanent: boolean
}

/** Dials what is wanted and not connected. */
export class Redial {
  readonly #init: RedialInit
  readonly #entries = new Map<Target, Entry>()
  #dialling = 0
  #isStopped = false

  constructor(init: RedialInit) {
    this.#init = init
  }

  /** How many targets are wanted for `reason`. */
  count(reason: string): number {
    let count = 0
    for (const { reasons } of this.#entries.values()) if (reasons.has(reason)) count += 1
    return count
  }

  /** Wants `peerId` for a database. `isNews` forgets earlier failures: its addresses have changed. */
  want(peerId: PeerId, reason: string, isNews: boolean): void {
    const entry = this.#entry(peerId, false)
    if (entry === undefined) return
    entry.reasons.add(reason)
    if (isNews && entry.failures > 0) {
      entry.failures = 0
      this.#clear(entry)
    }
    if (entry.timer === undefined && !entry.isDialling && !entry.isDue) {
      this.#schedule(peerId, entry, this.#init.self < peerId ? 0 : YIELD_DIAL_MS)
    }
  }

  /** Wants a bootstrap node for as long as this lives. */
  wantAlways(address: Address): void {
    const entry = this.#entry(address, true)
    if (entry !== undefined) this.#schedule(address, entry, 0)
  }

  /** A database was left: peers that nothing else wants are not dialled any more. */
  unwant(reason: string): void {
    for (const [target, entry] of this.#entries) {
      entry.reasons.delete(reason)
      if (entry.reasons.size === 0 && !entry.isPermanent) this.#drop(target, entry)
    }
  }

  /** The target is not to be dialled until it is wanted again. */
  forget(target: Target): void {
    const entry = this.#entries.get(target)
    if (entry !== undefined && !entry.isPermanent) this.#drop(target, entry)
  }

  /** The connection to a target is gone, or a session ended: dials again after a pause. */
  lost(target: Target, pauseMs: number): void {
    const entry = this.#entries.get(target)
    if (entry === undefined || entry.isDialling) return
    this.#clear(entry)
    this.#schedule(target, entry, pauseMs)
  }

  /** The connection of a session is gone: dials at once, the larger id a moment later. */
  interrupted(peerId: PeerId): void {
    const entry = this.#entry(peerId, false)
    if (entry === undefined || entry.isDialling) return
    entry.failures = 0
    this.#clear(entry)
    this.#schedule(peerId, entry, this.#init.self < peerId ? 0 : RESUME_FIRST_MS)
  }

  /** The target is connected: all is forgiven. */
  connected(target: Target): void {
    const entry = this.#entries.get(target)
    if (entry === undefined) return
    entry.failures = 0
    this.#clear(entry)
    if (entry.reasons.size === 0 && !entry.isPermanent && !entry.isDialling) {
      this.#entries.delete(target)
    }
  }

  /** Dials no more. */
  stop(): void {
    this.#isStopped = true
    for (const entry of this.#entries.values()) this.#clear(entry)
    this.#entries.clear()
  }

  #entry(target: Target, isPermanent: boolean): Entry | undefined {
    const present = this.#entries.get(target)
    if (present !== undefined) return present
    if (this.#isStopped || this.#entries.size >= MAX_KNOWN_PEERS) return undefined
    const entry: Entry = {
      failures: 0,
      isDialling: false,
      isDue: false,
      timer: undefined,
      reasons: new Set(),
      isPermanent,
    }
    this.#entries.set(target, entry)
    return entry
  }

  #schedule(target: Target, entry: Entry, inMs: number): void {
    if (this.#isStopped) return
    entry.timer = setTimeout(() => {
      entry.timer = undefined
      entry.isDue = true
      this.#startDue()
    }, inMs)
  }

  #startDue(): void {
    for (const [target, entry] of this.#entries) {
      if (this.#dialling >= MAX_PARALLEL_DIALS) return
      if (!entry.isDue) continue
      entry.isDue = false
      if (this.#init.isConnected(target)) continue
      // Owned: `#dial` never rejects.
      void this.#dial(target, entry)
    }
  }

  async #dial(target: Target, entry: Entry): Promise<void> {
    this.#dialling += 1
    entry.isDialling = true
    try {
      await this.#init.dial(target)
      entry.failures = 0
    } catch {
      // Whoever wants to know listens to `dial:ended`; here a failure means to wait.
      entry.failures += 1
    }
    entry.isDialling = false
    this.#dialling -= 1
    if (this.#entries.get(target) === entry) this.#after(target, entry)
    this.#startDue()
  }

  #after(target: Target, entry: Entry): void {
    if (this.#isStopped || this.#init.isConnected(target)) return
    const isAwaited = this.#init.isAwaited(target)
    if (entry.reasons.size === 0 && !entry.isPermanent && !isAwaited) {
      this.#entries.delete(target)
      return
    }
    this.#schedule(target, entry, this.#pauseMs(entry.failures, isAwaited))
  }

  #pauseMs(failures: number, isAwaited: boolean): number {
    const [first, most] = isAwaited
      ? [RESUME_FIRST_MS, RESUME_MAX_MS]
      : [REDIAL_FIRST_MS, REDIAL_MAX_MS]
    const wholeMs = Math.min(most, first * 2 ** Math.min(failures - 1, 30))
    return wholeMs * (0.5 + this.#init.random() / 2)
  }

  #drop(target: Target, entry: Entry): void {
    this.#clear(entry)
    this.#entries.delete(target)
  }

  #clear(entry: Entry): void {
    clearTimeout(entry.timer)
    entry.timer = undefined
    entry.isDue = false
  }
}
