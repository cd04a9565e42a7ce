import type { Runtime } from '@vudo/swarm'

/** A clock that moves when told. */
export interface VirtualRuntime extends Runtime {
  /** Delays of the timers that are set, in milliseconds from now, shortest first. */
  readonly delays: readonly number[]
  /** Moves on to the next timer and calls it; its delay, or `undefined` when none is set. */
  next(): number | undefined
}

/** @param random - What `random()` gives, always. */
export function createVirtualRuntime(random: number): VirtualRuntime {
  let nowMs = 0
  const timers = new Map<() => void, number>()
  const sorted = (): [() => void, number][] => [...timers].toSorted(([, a], [, b]) => a - b)
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    random: () => random,
    randomBytes: (length) => new Uint8Array(length),
    setTimer(delayMs, run) {
      const timer = (): void => run()
      timers.set(timer, nowMs + delayMs)
      return () => void timers.delete(timer)
    },
    get delays() {
      return sorted().map(([, dueMs]) => dueMs - nowMs)
    },
    next() {
      const [first] = sorted()
      if (!first) return undefined
      const delayMs = first[1] - nowMs
      nowMs = first[1]
      timers.delete(first[0])
      first[0]()
      return delayMs
    },
  }
}
