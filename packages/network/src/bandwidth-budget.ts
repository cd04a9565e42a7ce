/**
 * How much this node may send and receive per second, over all peers and paths. One
 * budget for both directions, because who pays by the byte pays for both.
 *
 * Only channels of priority `normal` and `low` wait for it: what a person waits for goes
 * at once, and is counted, so that bulk makes room for it. A token bucket that is paid
 * afterwards: whatever size a message has, it may go while there is anything left, and
 * the next one waits until the debt is paid.
 */
import { BUDGET_BURST_MS } from './limits.ts'
import type { PriorityNumber } from './wire.ts'

/** The pure part: bytes and time. */
export class ByteBudget {
  #bytesPerSecond: number | undefined
  #bytes = 0
  #atMs = 0

  /** Bytes per second; `undefined` while there is no limit. */
  get bytesPerSecond(): number | undefined {
    return this.#bytesPerSecond
  }

  /** Another rate from now on. Debts of before are forgiven: they were made under another rule. */
  setRate(bytesPerSecond: number | undefined, nowMs: number): void {
    this.#bytesPerSecond = bytesPerSecond
    this.#bytes = mostBytes(bytesPerSecond)
    this.#atMs = nowMs
  }

  /** Counts what was sent or received. */
  charge(bytes: number, nowMs: number): void {
    if (this.#bytesPerSecond === undefined) return
    this.#refill(this.#bytesPerSecond, nowMs)
    // A debt of a second is the longest that urgent traffic can make bulk wait.
    this.#bytes = Math.max(-this.#bytesPerSecond, this.#bytes - bytes)
  }

  /** Milliseconds until bulk may go; 0 when it may now. */
  waitMs(nowMs: number): number {
    if (this.#bytesPerSecond === undefined) return 0
    this.#refill(this.#bytesPerSecond, nowMs)
    if (this.#bytes > 0) return 0
    return Math.ceil(((1 - this.#bytes) / this.#bytesPerSecond) * 1_000)
  }

  #refill(bytesPerSecond: number, nowMs: number): void {
    const grown = this.#bytes + ((nowMs - this.#atMs) / 1_000) * bytesPerSecond
    this.#bytes = Math.min(mostBytes(bytesPerSecond), grown)
    this.#atMs = nowMs
  }
}

/** `critical` and `high` do not wait. */
const lastUrgent: PriorityNumber = 1

function mostBytes(bytesPerSecond = 0): number {
  return (bytesPerSecond * BUDGET_BURST_MS) / 1_000
}

/** The budget with its timer. One per network. */
export class BandwidthBudget {
  readonly #budget = new ByteBudget()
  readonly #now: () => number
  /** Who waits, in turn: first come, first served, and behind the others when served. */
  readonly #waiting = new Set<() => void>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(now: () => number) {
    this.#now = now
  }

  get bytesPerSecond(): number | undefined {
    return this.#budget.bytesPerSecond
  }

  /** @throws `RangeError` for less than 1. */
  setRate(bytesPerSecond: number | undefined): void {
    if (bytesPerSecond !== undefined && !(bytesPerSecond >= 1 && bytesPerSecond < Infinity)) {
      throw new RangeError(`bytesPerSecond is ${bytesPerSecond}, expected 1 or more`)
    }
    this.#budget.setRate(bytesPerSecond, this.#now())
    this.#serve()
  }

  charge(bytes: number): void {
    // For every message: without a limit the clock is not asked.
    if (this.#budget.bytesPerSecond !== undefined) this.#budget.charge(bytes, this.#now())
  }

  /** True while a channel of this priority has to wait. */
  isHeldBack(priority: PriorityNumber): boolean {
    if (priority <= lastUrgent || this.#budget.bytesPerSecond === undefined) return false
    return this.#budget.waitMs(this.#now()) > 0
  }

  /** Calls back once, when there is something left. One callback waits once, however often it is given. */
  whenOpen(callback: () => void): void {
    this.#waiting.add(callback)
    this.#arm()
  }

  /** It is not called any more. */
  forget(callback: () => void): void {
    this.#waiting.delete(callback)
  }

  close(): void {
    this.#waiting.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #serve(): void {
    for (const callback of this.#waiting) {
      if (this.#budget.waitMs(this.#now()) > 0) break
      this.#waiting.delete(callback)
      callback()
    }
    this.#arm()
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#serve()
    }, this.#budget.waitMs(this.#now()))
  }
}
