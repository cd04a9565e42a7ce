/** Clock, timers and randomness: arguments, so that a test owns all three. */
export interface Runtime {
  /** Milliseconds of a clock that never goes back; its zero does not matter. */
  nowMs(): number
  /** Milliseconds since 1970, for the lifetime of records. */
  wallMs(): number
  /** Calls `run` once after `delayMs`; the returned function cancels. */
  setTimer(delayMs: number, run: () => void): () => void
  /** From 0 to below 1, for jitter. */
  random(): number
  /** Fresh bytes of a cryptographic generator. */
  randomBytes(length: number): Uint8Array
}

/** The platform's own. */
export const systemRuntime: Runtime = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, run) => {
    const timer = setTimeout(run, delayMs)
    return () => {
      clearTimeout(timer)
    }
  },
  random: () => Math.random(),
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
}
