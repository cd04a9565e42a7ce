/*
 * Who may begin a handshake. Decides on the address alone, before anything costly.
 * Refuses the newest: those who are already half in are at least as likely honest.
 */
import { MAX_HALF_OPEN, MAX_HALF_OPEN_PER_ADDRESS } from '@vudo/transport'
import { MAX_COUNTED_ADDRESSES } from './limits.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

/** Counts strangers. */
export interface Admission {
  /**
   * Lets one in, or not.
   *
   * @returns What to call when its handshake has ended, however; `undefined` when it is refused.
   */
  enter(remoteAddress: string | undefined, nowMs: number): (() => void) | undefined
}

/** Makes the counts; `maxPerSecond` is for new connections of one address. */
export function createAdmission(maxPerSecond: number): Admission {
  return new HalfOpenCounts(maxPerSecond)
}

class HalfOpenCounts implements Admission {
  readonly #maxPerSecond: number
  readonly #halfOpenByAddress = new Map<string, number>()
  /** Least recently used first. */
  readonly #bucketsByAddress = new Map<string, TokenBucket>()
  #halfOpen = 0

  constructor(maxPerSecond: number) {
    this.#maxPerSecond = maxPerSecond
  }

  enter(remoteAddress: string | undefined, nowMs: number): (() => void) | undefined {
    if (this.#halfOpen >= MAX_HALF_OPEN) return undefined
    if (remoteAddress !== undefined && !this.#enterFrom(remoteAddress, nowMs)) return undefined
    this.#halfOpen += 1
    let isInside = true
    return () => {
      if (!isInside) return
      isInside = false
      this.#halfOpen -= 1
      if (remoteAddress !== undefined) this.#count(remoteAddress, -1)
    }
  }

  #enterFrom(address: string, nowMs: number): boolean {
    if ((this.#halfOpenByAddress.get(address) ?? 0) >= MAX_HALF_OPEN_PER_ADDRESS) return false
    if (!this.#bucket(address, nowMs).take(nowMs)) return false
    this.#count(address, 1)
    return true
  }

  #count(address: string, change: number): void {
    const count = (this.#halfOpenByAddress.get(address) ?? 0) + change
    if (count > 0) this.#halfOpenByAddress.set(address, count)
    else this.#halfOpenByAddress.delete(address)
  }

  #bucket(address: string, nowMs: number): TokenBucket {
    const bucket =
      this.#bucketsByAddress.get(address) ?? createTokenBucket(this.#maxPerSecond, nowMs)
    this.#bucketsByAddress.delete(address)
    this.#bucketsByAddress.set(address, bucket)
    if (this.#bucketsByAddress.size > MAX_COUNTED_ADDRESSES) {
      const [oldest] = this.#bucketsByAddress.keys()
      if (oldest !== undefined) this.#bucketsByAddress.delete(oldest)
    }
    return bucket
  }
}
