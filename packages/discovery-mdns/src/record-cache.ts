import type { PeerId, PeerRecord } from '@vudo/transport'
import { ANSWER_TTL_SECONDS, MAX_KNOWN_RECORDS } from './limits.ts'

/** The records heard of late, per topic. Holds `MAX_KNOWN_RECORDS`; the one heard longest ago goes first. */
export interface RecordCache {
  /** Remembers a verified record. True when it is news: a new peer, or a later record of a known one. */
  put(topic: string, record: PeerRecord, nowMs: number): boolean
  /** Forgets a peer, unless a later record of it is known. */
  remove(topic: string, record: PeerRecord): void
  /** True when exactly these bytes are known, so that they need not be verified again. They count as heard now. */
  refresh(topic: string, bytes: Uint8Array, nowMs: number): boolean
  /** What is known of a topic and has not expired. */
  of(topic: string, nowMs: number): PeerRecord[]
  /** Forgets a topic. */
  drop(topic: string): void
}

/** Makes an empty cache. */
export function createRecordCache(): RecordCache {
  return new Cache()
}

interface Entry {
  readonly topic: string
  readonly record: PeerRecord
  readonly untilMs: number
}

class Cache implements RecordCache {
  /** In the order in which they were heard: a map keeps the order of insertion. */
  readonly #entriesByKey = new Map<string, Entry>()

  put(topic: string, record: PeerRecord, nowMs: number): boolean {
    const known = this.#entriesByKey.get(keyOf(topic, record.peerId))
    const isFresh = known !== undefined && known.untilMs > nowMs
    if (isFresh && known.record.sequence > record.sequence) return false
    const isNews = !isFresh || record.sequence > known.record.sequence
    this.#keep(topic, record, nowMs)
    return isNews
  }

  remove(topic: string, record: PeerRecord): void {
    const key = keyOf(topic, record.peerId)
    const known = this.#entriesByKey.get(key)
    if (known && known.record.sequence <= record.sequence) this.#entriesByKey.delete(key)
  }

  refresh(topic: string, bytes: Uint8Array, nowMs: number): boolean {
    const known = this.of(topic, nowMs).find((record) => Buffer.compare(record.bytes, bytes) === 0)
    if (known) this.#keep(topic, known, nowMs)
    return known !== undefined
  }

  of(topic: string, nowMs: number): PeerRecord[] {
    const entries = [...this.#entriesByKey.values()]
    return entries
      .filter((entry) => entry.topic === topic && entry.untilMs > nowMs)
      .map(({ record }) => record)
  }

  drop(topic: string): void {
    for (const [key, entry] of this.#entriesByKey) {
      if (entry.topic === topic) this.#entriesByKey.delete(key)
    }
  }

  #keep(topic: string, record: PeerRecord, nowMs: number): void {
    const key = keyOf(topic, record.peerId)
    this.#entriesByKey.delete(key)
    const untilMs = Math.min(record.expiresAtMs, nowMs + ANSWER_TTL_SECONDS * 1_000)
    this.#entriesByKey.set(key, { topic, record, untilMs })
    if (this.#entriesByKey.size > MAX_KNOWN_RECORDS) {
      const [oldest] = this.#entriesByKey.keys()
      if (oldest !== undefined) this.#entriesByKey.delete(oldest)
    }
  }
}

function keyOf(topic: string, peerId: PeerId): string {
  return `${topic} ${peerId}`
}
