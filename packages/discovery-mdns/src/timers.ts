/** Timers that end together. */
export interface Timers {
  /** Runs `run` once, after `delayMs`. Returns what cancels it. */
  after(delayMs: number, run: () => void): () => void
  /** Cancels all; later ones are not even started. */
  close(): void
}

/** Makes an empty set of timers. */
export function createTimers(): Timers {
  const pending = new Set<NodeJS.Timeout>()
  let isClosed = false
  return {
    after(delayMs, run) {
      if (isClosed) return () => undefined
      const timer = setTimeout(() => {
        pending.delete(timer)
        run()
      }, delayMs)
      pending.add(timer)
      return () => {
        clearTimeout(timer)
        pending.delete(timer)
      }
    },
    close() {
      isClosed = true
      for (const timer of pending) clearTimeout(timer)
      pending.clear()
    },
  }
}
