import { timestampFromUnixMs } from '@vudo/meadowcap'
import type { WriteVerifier } from '../store/write-check.ts'

/** What is done with entries dated ahead of the clock. */
export interface FuturePolicy {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  /** Milliseconds that clocks may differ. */
  readonly maxAheadMs: number
}

/** How many milliseconds a timestamp is ahead of the clock; below zero when it is not. */
export function aheadMs(timestamp: bigint, nowMs: number): number {
  return Number(timestamp - timestampFromUnixMs(nowMs)) / 1000
}

/**
 * Lets `verifier` check everything but entries from the future, which are refused. Peers that
 * take them hold other entries then, until that date.
 */
export function refuseFuture(verifier: WriteVerifier, policy: FuturePolicy): WriteVerifier {
  return {
    async denialsOf(writes) {
      const nowMs = policy.nowMs()
      const isTooNew = writes.map(
        ({ entry }) => aheadMs(entry.timestamp, nowMs) > policy.maxAheadMs,
      )
      const denials = await verifier.denialsOf(writes.filter((_, at) => !isTooNew[at]))
      let next = 0
      return isTooNew.map((tooNew) => (tooNew ? 'too-far-ahead' : denials[next++]))
    },
  }
}
