import type { PeerId } from '@vudo/transport'
import { BAN_MS, FAULT_HALF_LIFE_MS, MAX_FAULTS, MAX_JUDGED_PEERS } from './limits.ts'

interface Entry {
  faults: number
  atMs: number
  bannedUntilMs: number
}

/** What each peer did wrong of late, and who is kept out for it. Survives the peer's sessions. */
export class FaultBook {
  readonly #entries = new Map<PeerId, Entry>()

  /** Peers remembered now. */
  get size(): number {
    return this.#entries.size
  }

  /** Counts a fault. @returns True when that was one too many. */
  add(peerId: PeerId, nowMs: number): boolean {
    const entry = this.#take(peerId, nowMs)
    entry.faults += 1
    // Rounded: a moment passes between two faults, and takes a little of the first.
    return Math.round(entry.faults) >= MAX_FAULTS
  }

  /** Keeps the peer out for `BAN_MS`. */
  ban(peerId: PeerId, nowMs: number): void {
    this.#take(peerId, nowMs).bannedUntilMs = nowMs + BAN_MS
  }

  /** Faults that count now: each counts half after `FAULT_HALF_LIFE_MS`. */
  faultsOf(peerId: PeerId, nowMs: number): number {
    const entry = this.#entries.get(peerId)
    return entry === undefined ? 0 : decayed(entry, nowMs)
  }

  isBanned(peerId: PeerId, nowMs: number): boolean {
    return nowMs < (this.#entries.get(peerId)?.bannedUntilMs ?? 0)
  }

  /** The entry of a peer, as the youngest of all. */
  #take(peerId: PeerId, nowMs: number): Entry {
    const old = this.#entries.get(peerId)
    const entry: Entry = {
      faults: old === undefined ? 0 : decayed(old, nowMs),
      atMs: nowMs,
      bannedUntilMs: old?.bannedUntilMs ?? 0,
    }
    this.#entries.delete(peerId)
    this.#entries.set(peerId, entry)
    if (this.#entries.size > MAX_JUDGED_PEERS) {
      const [oldest] = this.#entries.keys()
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    return entry
  }
}

function decayed({ faults, atMs }: Entry, nowMs: number): number {
  return faults * 0.5 ** (Math.max(0, nowMs - atMs) / FAULT_HALF_LIFE_MS)
}
