/** Counts how often something may happen: `perSecond` on average, and as many at once after a second of rest. */
export interface TokenBucket {
  /**
   * Takes `count` tokens; false, and nothing taken, when there are not as many.
   *
   * @param nowMs - On a clock that never goes back.
   * @param count - One when left out.
   */
  take(nowMs: number, count?: number): boolean
}

/**
 * Makes a full bucket.
 *
 * @param perSecond - Tokens that come per second, and the most that are kept.
 * @param startMs - The time now, on the clock of `take`.
 */
export function createTokenBucket(perSecond: number, startMs: number): TokenBucket {
  let tokens = perSecond
  let atMs = startMs
  return {
    take: (nowMs, count = 1) => {
      tokens = Math.min(perSecond, tokens + ((nowMs - atMs) / 1_000) * perSecond)
      atMs = nowMs
      if (tokens < count) return false
      tokens -= count
      return true
    },
  }
}
