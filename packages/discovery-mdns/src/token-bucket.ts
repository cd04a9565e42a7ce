/** Lets things through at a bounded rate. */
export interface TokenBucket {
  /** True when `count` more, 1 unless told, may pass now; otherwise nothing is taken. */
  take(nowMs: number, count?: number): boolean
}

/** Makes a full bucket of `burst` tokens, which fills again at `perSecond`. */
export function createTokenBucket(burst: number, perSecond: number): TokenBucket {
  let tokens = burst
  let filledAtMs = -Infinity
  return {
    take(nowMs, count = 1) {
      // A clock that was set back gives nothing, and takes nothing.
      const elapsedMs = Math.max(0, nowMs - filledAtMs)
      tokens = Math.min(burst, tokens + (elapsedMs * perSecond) / 1_000)
      filledAtMs = nowMs
      if (tokens < count) return false
      tokens -= count
      return true
    },
  }
}
