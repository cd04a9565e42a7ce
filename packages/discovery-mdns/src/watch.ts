import type { PeerId, PeerRecord } from '@vudo/transport'
import { MAX_KNOWN_RECORDS } from './limits.ts'

/** What one reader has not taken yet. */
export interface Watch {
  /** Adds a record; an earlier one of the same peer is replaced. At the limit the oldest is dropped. */
  offer(record: PeerRecord): void
  /** The next record; `undefined` at the end. One call at a time. */
  next(): Promise<PeerRecord | undefined>
  /** Nothing more comes. Idempotent. */
  end(): void
}

/** Makes an empty watch. */
export function createWatch(): Watch {
  const pending = new Map<PeerId, PeerRecord>()
  let isEnded = false
  let wake: (() => void) | undefined
  return {
    offer(record) {
      pending.delete(record.peerId)
      pending.set(record.peerId, record)
      const [oldest] = pending.keys()
      if (oldest !== undefined && pending.size > MAX_KNOWN_RECORDS) pending.delete(oldest)
      wake?.()
    },
    async next() {
      if (!isEnded && pending.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const [record] = isEnded ? [] : pending.values()
      if (record) pending.delete(record.peerId)
      return record
    },
    end() {
      isEnded = true
      wake?.()
    },
  }
}
