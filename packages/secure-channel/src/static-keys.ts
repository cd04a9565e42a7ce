import { createX25519KeyPair } from '#crypto'
import { STATIC_KEY_LIFETIME_MS } from './limits.ts'
import type { X25519KeyPair } from './primitives.ts'

/**
 * The Noise static key of this process. It lives in memory only and is replaced
 * after 24 hours; peers notice nothing, because the Ed25519 key signs it anew in
 * every handshake.
 */
export interface StaticKeys {
  /** The key to use for a handshake that begins now. */
  current(): X25519KeyPair
}

/**
 * Makes keys as they are needed.
 *
 * @param now - Milliseconds, from any origin.
 */
export function createStaticKeys(now: () => number = Date.now): StaticKeys {
  let pair: X25519KeyPair | undefined
  let madeAtMs = 0
  return {
    current() {
      const nowMs = now()
      // A clock that was set back makes a new key as well: too many harm nobody, an old one might.
      const isFresh = nowMs >= madeAtMs && nowMs - madeAtMs < STATIC_KEY_LIFETIME_MS
      if (pair && isFresh) return pair
      madeAtMs = nowMs
      return (pair = createX25519KeyPair())
    },
  }
}
