/**
 * Virtual time for code that takes its clock, timers and randomness from the globals, as
 * GossipSub does: they are replaced for the whole process, which is why this runs in one of
 * its own. Promises are real; after each event all of them are run to their end before the
 * next one, so one seed gives one run.
 */
import { createEventQueue, type EventQueue } from './event-heap.ts'

const realImmediate = setImmediate

export interface VirtualTime {
  /** Milliseconds since 1970, the same at the start of every run. */
  readonly nowMs: number
  /** Events that happened. */
  readonly steps: number
  /** From 0 to below 1, out of the seed. */
  random(): number
  /** Runs `event` in `inMs` milliseconds. */
  after(inMs: number, event: () => void): void
  /** Lets `forMs` milliseconds pass. */
  run(forMs: number): Promise<void>
  /** Adds to what tells two runs apart. */
  note(...numbers: number[]): void
  /** 8 hex characters over everything that was noted, and when. */
  traceHash(): string
}

interface Timer {
  isCleared: boolean
  [Symbol.toPrimitive](): number
}

/** Replaces the globals. Import nothing that reads the clock when it is loaded before this. */
export function installVirtualTime(seed: number): VirtualTime {
  const time = new Replacement(seed)
  Date.now = () => time.nowMs
  performance.now = () => time.nowMs - startMs
  Math.random = () => time.random()
  Object.assign(globalThis, {
    setTimeout: (event: () => void, inMs?: number) => time.timer(event, inMs ?? 0),
    setInterval: (event: () => void, everyMs: number) => time.interval(event, everyMs),
    clearTimeout: clear,
    clearInterval: clear,
  })
  return time
}

function clear(timer: Timer | null | undefined): void {
  if (timer) timer.isCleared = true
}

/** 2026-01-01. */
const startMs = 1_767_225_600_000

class Replacement implements VirtualTime {
  nowMs = startMs
  steps = 0
  readonly #queue: EventQueue = createEventQueue()
  #state: number
  #hash = 0x811c9dc5
  #timers = 0

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** mulberry32, in the public domain. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296
  }

  after(inMs: number, event: () => void): void {
    this.#queue.add(this.nowMs + Math.max(0, inMs), event)
  }

  timer(event: () => void, inMs: number): Timer {
    const timer = this.#newTimer()
    this.after(inMs, () => {
      if (!timer.isCleared) event()
    })
    return timer
  }

  interval(event: () => void, everyMs: number): Timer {
    const timer = this.#newTimer()
    const again = (): void => {
      if (timer.isCleared) return
      this.after(everyMs, again)
      event()
    }
    this.after(everyMs, again)
    return timer
  }

  #newTimer(): Timer {
    const id = ++this.#timers
    return { isCleared: false, [Symbol.toPrimitive]: () => id }
  }

  async run(forMs: number): Promise<void> {
    const endMs = this.nowMs + forMs
    while ((this.#queue.nextAtMs ?? Infinity) <= endMs) {
      const next = this.#queue.take()
      if (next === undefined) break
      this.nowMs = next.atMs
      this.steps += 1
      next.event()
      // All promises that can go on have gone on when an immediate runs.
      await new Promise<void>((resolve) => void realImmediate(resolve))
    }
    this.nowMs = endMs
  }

  note(...numbers: number[]): void {
    for (const number of [this.nowMs - startMs, ...numbers]) {
      this.#hash = Math.imul(this.#hash ^ (number | 0), 0x01000193)
    }
  }

  traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }
}
