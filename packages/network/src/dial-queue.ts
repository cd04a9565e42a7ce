/**
 * Whom to dial when: a table of targets, each with its own backoff. The pure core: no
 * sockets, no timers, no clock.
 *
 * Of two peers that find each other, the one with the smaller id dials at once and the
 * other waits a moment. A target that fails waits 1 s, then twice as long each time, up
 * to 5 minutes, with jitter, so that peers of a server that comes back do not arrive all
 * at the same moment. Of those that are due, who failed least is first. So many targets are
 * wanted for one reason; beyond that, one that has failed gives way to one that failed less
 * often, so that records of the dead keep nobody from the living. While a session waits for its peer the pauses are short. A peer
 * that is connected over relays only is dialled again now and then, for a direct way.
 *
 * What was learnt about failures holds for the network that this node was in: after a
 * sleep, or when its addresses change, every pause ends ({@link DialQueue.handle} `reset`).
 *
 * Invariants, held under any order of inputs:
 * - at most {@link MAX_PARALLEL_DIALS} targets are dialled at a time, each once;
 * - nothing that needs no dial is dialled;
 * - a target that is wanted and needs a dial is dialled or has a time at which it will be.
 */
import type { DialTarget, PeerId } from '@vudo/transport'
import {
  MAX_KNOWN_PEERS,
  MAX_PARALLEL_DIALS,
  REDIAL_FIRST_MS,
  REDIAL_MAX_MS,
  RESET_SPREAD_MS,
  RESUME_FIRST_MS,
  RESUME_MAX_MS,
  UPGRADE_FIRST_MS,
  UPGRADE_MAX_MS,
  YIELD_DIAL_MS,
} from './limits.ts'

/** A peer id, or the address of a bootstrap node. */
export type Target = DialTarget

/**
 * What a target lacks: nothing; a direct way; any session; or, most urgent, a connection
 * for a session that waits.
 */
export type Need = 'none' | 'better' | 'any' | 'urgent'

/** What happens to the queue. */
export type QueueInput =
  /** `isNews` forgets earlier failures: the addresses have changed. */
  | {
      readonly type: 'want'
      readonly target: Target
      readonly reason: string
      readonly isNews: boolean
    }
  /** A bootstrap node: wanted for as long as this lives. */
  | { readonly type: 'want-always'; readonly target: Target }
  /** A database was left: peers that nothing else wants are not dialled any more. */
  | { readonly type: 'unwant'; readonly reason: string }
  /** Not to be dialled until it is wanted again. */
  | { readonly type: 'forget'; readonly target: Target }
  /** The connection is gone, or a session ended: dial again after a pause. */
  | { readonly type: 'lost'; readonly target: Target; readonly pauseMs: number }
  /**
   * The connection of a session is gone, or a direct way has become known for one that stands
   * over relays: dial at once, the larger id a moment later.
   */
  | { readonly type: 'interrupted'; readonly target: PeerId }
  /** A session stands. */
  | { readonly type: 'connected'; readonly target: Target }
  /** A dial is over. */
  | { readonly type: 'dialled'; readonly target: Target; readonly isOk: boolean }
  /** This node has woken up, or is in another network: no pause means anything any more. */
  | { readonly type: 'reset' }
  | { readonly type: 'timer' }
  | { readonly type: 'stop' }

/** What the queue needs. */
export interface DialQueueInit {
  readonly self: PeerId
  readonly need: (target: Target) => Need
  /** Targets that are wanted for one reason. */
  readonly maxPerReason: number
  /** From 0 to below 1. */
  readonly random: () => number
}

interface Entry {
  failures: number
  isDialling: boolean
  /** Asked for while it was dialled: what that comes to may not be enough. */
  isHurried: boolean
  /** When it is to be dialled; `undefined` while it is under way or needs nothing. */
  dueAtMs: number | undefined
  /** Why it is wanted: ids of databases; a bootstrap node needs none. */
  readonly reasons: Set<string>
  readonly isPermanent: boolean
}

/** First and longest pause, by what the target lacks. */
const pauses: Readonly<Record<Exclude<Need, 'none'>, readonly [number, number]>> = {
  urgent: [RESUME_FIRST_MS, RESUME_MAX_MS],
  any: [REDIAL_FIRST_MS, REDIAL_MAX_MS],
  better: [UPGRADE_FIRST_MS, UPGRADE_MAX_MS],
}

/** The core of {@link Redial}. */
export class DialQueue {
  readonly #init: DialQueueInit
  readonly #entries = new Map<Target, Entry>()
  /** How often those failed that gave way to others, so that they do not come back as if they were new. */
  readonly #pastFailures = new Map<Target, number>()
  #dialling = 0
  #isStopped = false

  constructor(init: DialQueueInit) {
    this.#init = init
  }

  /** When to call with `timer`; `undefined` when nothing waits for a time. */
  get wakeAtMs(): number | undefined {
    if (this.#dialling >= MAX_PARALLEL_DIALS) return undefined
    let atMs = Infinity
    for (const { dueAtMs } of this.#entries.values()) atMs = Math.min(atMs, dueAtMs ?? Infinity)
    return atMs === Infinity ? undefined : atMs
  }

  /**
   * Never throws. `nowMs` never goes back.
   *
   * @returns Whom to dial now, each to be answered with `dialled`.
   */
  handle(input: QueueInput, nowMs: number): readonly Target[] {
    if (this.#isStopped) return []
    this.#apply(input, nowMs)
    return this.#takeDue(nowMs)
  }

  #apply(input: QueueInput, nowMs: number): void {
    switch (input.type) {
      case 'want':
        return this.#want(input, nowMs)
      case 'want-always': {
        const entry = this.#entry(input.target, true)
        if (entry !== undefined && !entry.isDialling) entry.dueAtMs ??= nowMs
        return
      }
      case 'unwant':
        return this.#unwant(input.reason)
      case 'forget':
        if (this.#entries.get(input.target)?.isPermanent === false) this.#drop(input.target)
        return
      case 'lost': {
        const entry = this.#entries.get(input.target)
        if (entry !== undefined && !entry.isDialling) entry.dueAtMs = nowMs + input.pauseMs
        return
      }
      case 'interrupted':
        return this.#interrupted(input.target, nowMs)
      case 'connected':
        return this.#connected(input.target, nowMs)
      case 'dialled':
        return this.#dialled(input, nowMs)
      case 'reset':
        return this.#reset(nowMs)
      case 'timer':
        return
      case 'stop':
        this.#isStopped = true
        this.#entries.clear()
    }
  }

  #want({ target, reason, isNews }: QueueInput & { type: 'want' }, nowMs: number): void {
    if (isNews) this.#pastFailures.delete(target)
    if (!this.#makeRoom(target, reason)) return
    const entry = this.#entry(target, false)
    if (entry === undefined) return
    entry.reasons.add(reason)
    if (isNews && entry.failures > 0) {
      entry.failures = 0
      entry.dueAtMs = undefined
    }
    if (entry.dueAtMs === undefined && !entry.isDialling && this.#init.need(target) !== 'none') {
      entry.dueAtMs = nowMs + (this.#init.self < target ? 0 : YIELD_DIAL_MS)
    }
  }

  /** False when as many are wanted for the reason as may be, and none of them failed more often. */
  #makeRoom(target: Target, reason: string): boolean {
    let count = 0
    let mostFailures = this.#pastFailures.get(target) ?? 0
    let worst: Target | undefined
    for (const [other, { reasons, failures, isDialling }] of this.#entries) {
      if (!reasons.has(reason)) continue
      if (other === target) return true
      count += 1
      // Who is connected, or has a session that waits, stays whatever happened before.
      if (isDialling || failures <= mostFailures || this.#init.need(other) !== 'any') continue
      mostFailures = failures
      worst = other
    }
    if (count < this.#init.maxPerReason) return true
    if (worst === undefined) return false
    this.#giveWay(worst, reason)
    return true
  }

  #giveWay(target: Target, reason: string): void {
    const entry = this.#entries.get(target)
    if (entry === undefined) return
    this.#pastFailures.delete(target)
    this.#pastFailures.set(target, entry.failures)
    for (const oldest of this.#pastFailures.keys()) {
      if (this.#pastFailures.size <= MAX_KNOWN_PEERS) break
      this.#pastFailures.delete(oldest)
    }
    this.#unwantOne(target, entry, reason)
  }

  #unwant(reason: string): void {
    for (const [target, entry] of this.#entries) this.#unwantOne(target, entry, reason)
  }

  #unwantOne(target: Target, entry: Entry, reason: string): void {
    entry.reasons.delete(reason)
    if (entry.reasons.size === 0 && !entry.isPermanent) this.#drop(target)
  }

  #interrupted(peerId: PeerId, nowMs: number): void {
    const entry = this.#entry(peerId, false)
    if (entry === undefined) return
    entry.failures = 0
    if (entry.isDialling) entry.isHurried = true
    else entry.dueAtMs = nowMs + (this.#init.self < peerId ? 0 : RESUME_FIRST_MS)
  }

  /** All is forgiven. */
  #connected(target: Target, nowMs: number): void {
    this.#pastFailures.delete(target)
    const entry = this.#entries.get(target)
    if (entry === undefined || entry.isDialling) return
    entry.failures = 0
    this.#plan(target, entry, nowMs)
  }

  #dialled({ target, isOk }: QueueInput & { type: 'dialled' }, nowMs: number): void {
    this.#dialling = Math.max(0, this.#dialling - 1)
    const entry = this.#entries.get(target)
    if (entry?.isDialling !== true) return
    entry.isDialling = false
    entry.failures = isOk ? 0 : entry.failures + 1
    this.#plan(target, entry, nowMs)
    const { isHurried } = entry
    entry.isHurried = false
    if (isHurried && this.#init.need(target) !== 'none') this.#interrupted(target, nowMs)
  }

  #reset(nowMs: number): void {
    this.#pastFailures.clear()
    for (const [target, entry] of this.#entries) {
      entry.failures = 0
      if (entry.isDialling || this.#init.need(target) === 'none') continue
      entry.dueAtMs = nowMs + this.#init.random() * RESET_SPREAD_MS
    }
  }

  /** When it is dialled next, or whether it is still needed. */
  #plan(target: Target, entry: Entry, nowMs: number): void {
    entry.dueAtMs = undefined
    const need = this.#init.need(target)
    const isWanted = entry.reasons.size > 0 || entry.isPermanent || need === 'urgent'
    if (!isWanted) return this.#drop(target)
    if (need === 'none') return
    const [first, most] = pauses[need]
    const wholeMs = Math.min(most, first * 2 ** Math.min(Math.max(0, entry.failures - 1), 30))
    entry.dueAtMs = nowMs + wholeMs * (0.5 + this.#init.random() / 2)
  }

  #takeDue(nowMs: number): readonly Target[] {
    const due: Target[] = []
    for (const [target, entry] of this.#due(nowMs)) {
      if (this.#dialling >= MAX_PARALLEL_DIALS) break
      entry.dueAtMs = undefined
      if (this.#init.need(target) === 'none') continue
      entry.isDialling = true
      this.#dialling += 1
      due.push(target)
    }
    return due
  }

  /** Who failed least first: each dial may take its whole time, and there are few places. */
  #due(nowMs: number): [Target, Entry][] {
    return [...this.#entries]
      .filter(([, { dueAtMs }]) => dueAtMs !== undefined && dueAtMs <= nowMs)
      .toSorted(([, one], [, other]) => one.failures - other.failures)
  }

  #entry(target: Target, isPermanent: boolean): Entry | undefined {
    const present = this.#entries.get(target)
    if (present !== undefined) return present
    if (this.#entries.size >= MAX_KNOWN_PEERS) return undefined
    const entry: Entry = {
      failures: this.#pastFailures.get(target) ?? 0,
      isDialling: false,
      isHurried: false,
      dueAtMs: undefined,
      reasons: new Set(),
      isPermanent,
    }
    this.#entries.set(target, entry)
    return entry
  }

  /** One that is under way stays in the table until it is over, so that it is not dialled twice. */
  #drop(target: Target): void {
    const entry = this.#entries.get(target)
    entry?.reasons.clear()
    if (entry?.isDialling !== true) this.#entries.delete(target)
  }
}
