/** How much may be dialled: in all, per address, and per host that only strangers name. Pure. */
import type { Address } from '@vudo/transport'
import {
  MAX_COUNTED_HOSTS,
  MAX_DIALS_PER_ADDRESS,
  MAX_DIALS_UNDER_WAY,
  UNPROVEN_DIALS_PER_HOST_AND_MINUTE,
} from './limits.ts'
import { hostOf } from './private-address.ts'

interface HostCount {
  tokens: number
  atMs: number
}

/** One per network. */
export class DialLimits {
  readonly #underWay = new Map<Address, number>()
  readonly #hosts = new Map<string, HostCount>()
  #total = 0

  /**
   * Takes a place for a dial.
   *
   * @param isHearsay - Nobody but an unproven peer names the address.
   * @returns Gives the place back, once; or, as text, what is used up.
   */
  take(address: Address, isHearsay: boolean, nowMs: number): (() => void) | string {
    if (this.#total >= MAX_DIALS_UNDER_WAY) return `${MAX_DIALS_UNDER_WAY} dials are under way`
    const present = this.#underWay.get(address) ?? 0
    if (present >= MAX_DIALS_PER_ADDRESS) {
      return `${MAX_DIALS_PER_ADDRESS} dials of that address are under way`
    }
    if (isHearsay && !this.#takeHost(hostOf(address), nowMs)) {
      return `${UNPROVEN_DIALS_PER_HOST_AND_MINUTE} dials of that host were made within a minute`
    }
    this.#underWay.set(address, present + 1)
    this.#total += 1
    return this.#giveBack(address)
  }

  #giveBack(address: Address): () => void {
    let isGiven = false
    return () => {
      if (isGiven) return
      isGiven = true
      this.#total -= 1
      const left = (this.#underWay.get(address) ?? 1) - 1
      if (left === 0) this.#underWay.delete(address)
      else this.#underWay.set(address, left)
    }
  }

  #takeHost(host: string, nowMs: number): boolean {
    const most = UNPROVEN_DIALS_PER_HOST_AND_MINUTE
    const count = this.#hosts.get(host) ?? { tokens: most, atMs: nowMs }
    count.tokens = Math.min(most, count.tokens + ((nowMs - count.atMs) / 60_000) * most)
    count.atMs = nowMs
    this.#hosts.delete(host)
    this.#hosts.set(host, count)
    for (const oldest of this.#hosts.keys()) {
      if (this.#hosts.size <= MAX_COUNTED_HOSTS) break
      this.#hosts.delete(oldest)
    }
    if (count.tokens < 1) return false
    count.tokens -= 1
    return true
  }
}
