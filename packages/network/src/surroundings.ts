/**
 * Notices that this machine slept, or that it is in another network now: then every
 * pause between dials is over, addresses are announced anew, and paths are asked for a
 * sign of life. No platform tells a program of either in the same way, so two clocks and
 * the list of interfaces are looked at every few seconds.
 */
import { SLEEP_JUMP_MS, SURROUNDINGS_INTERVAL_MS } from './limits.ts'

/** What has changed. */
export type SurroundingsChange = 'woken' | 'interfaces'

/** Two clocks at one moment. */
export interface ClockReading {
  /** Monotonic, in milliseconds. */
  readonly nowMs: number
  /** Milliseconds since 1970. */
  readonly wallMs: number
}

/**
 * Tells from two clocks whether the machine slept between two looks. On Linux the
 * monotonic clock stands still in a sleep while the other goes on; elsewhere both go on
 * and the timer is late. A clock that is set forward looks the same, and costs a dial.
 * One that is set back means nothing.
 */
export class WakeDetector {
  #last: ClockReading | undefined

  /** True when more time went by since the last look than the timer explains. */
  look({ nowMs, wallMs }: ClockReading): boolean {
    const last = this.#last
    this.#last = { nowMs, wallMs }
    if (last === undefined) return false
    const passedMs = Math.max(nowMs - last.nowMs, wallMs - last.wallMs)
    return passedMs > SURROUNDINGS_INTERVAL_MS + SLEEP_JUMP_MS
  }
}

/** What watching needs. */
export interface SurroundingsInit {
  readonly now: () => number
  readonly wallClock: () => number
  /** The addresses of this machine as one text, in a fixed order; `undefined` where the platform does not tell. */
  readonly interfaces: (() => string) | undefined
  readonly onChange: (change: SurroundingsChange) => void
}

/** Looks around every few seconds between `start` and `stop`. */
export class Surroundings {
  readonly #init: SurroundingsInit
  readonly #wake = new WakeDetector()
  #interfaces: string | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(init: SurroundingsInit) {
    this.#init = init
  }

  start(): void {
    this.look()
    this.#timer ??= setInterval(() => this.look(), SURROUNDINGS_INTERVAL_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Looks now. */
  look(): void {
    const { now, wallClock, onChange } = this.#init
    const interfaces = this.#init.interfaces?.()
    const hasMoved = this.#interfaces !== undefined && interfaces !== this.#interfaces
    this.#interfaces = interfaces
    if (this.#wake.look({ nowMs: now(), wallMs: wallClock() })) onChange('woken')
    else if (hasMoved) onChange('interfaces')
  }
}
