/** How fast somebody may send: refills evenly, holds one second's worth. */
export interface TokenBucket {
  /** Takes `amount`, even when it is not there, and says how many milliseconds to wait before the next. */
  take(amount: number, nowMs: number): number
}

/** Makes a full bucket of `perSecond`. */
export function createTokenBucket(perSecond: number, nowMs: number): TokenBucket {
  let level = perSecond
  let seenMs = nowMs
  return {
    take(amount, now) {
      level = Math.min(perSecond, level + ((now - seenMs) / 1_000) * perSecond) - amount
      seenMs = now
      return level >= 0 ? 0 : Math.ceil((-level / perSecond) * 1_000)
    },
  }
}
