import type { Runtime } from '@vudo/swarm'

export interface VirtualRuntime extends Runtime {
  /** Timers that are set. */
  readonly timers: number
  /** Lets time pass: fires what is due in order, and lets promises settle in between. */
  advance(ms: number): Promise<void>
}

export function createVirtualRuntime(): VirtualRuntime {
  let nowMs = 0
  let count = 0
  const timers = new Set<{ dueMs: number; run: () => void }>()
  return {
    get timers() {
      return timers.size
    },
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    random: () => 0.5,
    randomBytes: (length) => new Uint8Array(length).fill((count += 1)),
    setTimer: (delayMs, run) => {
      const timer = { dueMs: nowMs + delayMs, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance: async (ms) => {
      const endMs = nowMs + ms
      await settle()
      for (;;) {
        const [next] = [...timers].toSorted((a, b) => a.dueMs - b.dueMs)
        if (!next || next.dueMs > endMs) break
        nowMs = Math.max(nowMs, next.dueMs)
        timers.delete(next)
        next.run()
        await settle()
      }
      nowMs = endMs
    },
  }
}

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
