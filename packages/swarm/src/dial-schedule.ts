/*
 * Whom to dial when, of the peers that were found. Pure: time and chance are arguments.
 *
 * Two ends that find each other would both dial. So the one with the smaller peer id
 * dials at once, the other waits TIE_DELAY_MS and dials only when there is still no
 * connection. Failures and losses are repeated after a wait that doubles from
 * MIN_BACKOFF_MS to MAX_BACKOFF_MS, spread by a quarter; a topic that turned out to be
 * shared starts it over. (A handshake alone does not: a full peer lets us in and says bye.)
 */
import type { Address, PeerId } from '@vudo/transport'
import {
  MAX_BACKOFF_MS,
  MAX_FOUND_ADDRESSES,
  MAX_FOUND_PEERS,
  MAX_PEERS_PER_ADDRESS,
  MIN_BACKOFF_MS,
  TIE_DELAY_MS,
} from './limits.ts'

/** A peer to be dialled, or a bootstrap address whose peer is not known yet. */
export interface Candidate {
  readonly id: PeerId | undefined
  /** One or more; each failure goes on to the next. */
  readonly addresses: readonly Address[]
}

/** What to dial now. */
export interface DialJob {
  /** Hand it back to {@link DialSchedule.failed}. */
  readonly key: string
  readonly id: PeerId | undefined
  readonly address: Address
}

/** The plan for all found peers. */
export interface DialSchedule {
  /** A peer was found under `topic` (hex) and may be dialled. */
  offer(candidate: Candidate, topic: string, nowMs: number): void
  /** Forgets whom only `topic` was for. */
  leave(topic: string): void
  /** The next job that is due; it is then under way until `connected` or `failed`. */
  take(nowMs: number): DialJob | undefined
  /** When `take` will have something, on the clock of `nowMs`; `undefined` for never. */
  nextDueMs(): number | undefined
  /** There is a connection with the peer; `key` when a job made it. */
  connected(id: PeerId, key?: string): void
  /** The connection turned out to be useful. */
  settled(id: PeerId): void
  failed(key: string, nowMs: number): void
  /** The last connection with the peer ended. `isWanted` false: closed here on purpose, not to be dialled again. */
  lost(id: PeerId, isWanted: boolean, nowMs: number): void
}

/**
 * Makes an empty plan. `random` gives 0 to below 1; `tieDelayMs` is 0 where the medium makes one
 * connection of two dials.
 */
export function createDialSchedule(
  self: PeerId,
  random: () => number,
  tieDelayMs: number = TIE_DELAY_MS,
): DialSchedule {
  return new Schedule(self, random, tieDelayMs)
}

interface Entry {
  id: PeerId | undefined
  addresses: readonly Address[]
  /** Which address is to be tried next, counted on from the first one again and again. */
  next: number
  readonly topics: Set<string>
  failures: number
  state: 'waiting' | 'dialling' | 'connected' | 'dismissed'
  dueMs: number
}

class Schedule implements DialSchedule {
  readonly #self: PeerId
  readonly #random: () => number
  readonly #tieMs: number
  /** By peer id, or by address where none is known. Oldest first. */
  readonly #entries = new Map<string, Entry>()

  constructor(self: PeerId, random: () => number, tieMs: number) {
    this.#self = self
    this.#random = random
    this.#tieMs = tieMs
  }

  offer(candidate: Candidate, topic: string, nowMs: number): void {
    const [first] = candidate.addresses
    if (first === undefined || candidate.id === this.#self) return
    const key = candidate.id ?? first
    const known = this.#entries.get(key)
    if (known) return this.#update(known, candidate, topic, nowMs)
    if (!this.#makeRoom(first)) return
    this.#entries.set(key, {
      ...candidate,
      next: 0,
      topics: new Set([topic]),
      failures: 0,
      state: 'waiting',
      dueMs: nowMs + this.#tieDelayMs(candidate.id),
    })
  }

  #update(entry: Entry, { addresses }: Candidate, topic: string, nowMs: number): void {
    entry.topics.add(topic)
    const fresh = addresses.filter((address) => !entry.addresses.includes(address))
    if (fresh.length === 0) return
    // Not only the fresh ones: each source knows some of a peer's addresses.
    entry.addresses = [...entry.addresses, ...fresh].slice(-MAX_FOUND_ADDRESSES)
    if (entry.failures === 0) return
    // It may have moved: what failed at the old addresses says nothing about the new one.
    entry.next = Math.max(0, entry.addresses.length - fresh.length)
    entry.failures = 0
    entry.dueMs = Math.min(entry.dueMs, nowMs + this.#tieDelayMs(entry.id))
  }

  #tieDelayMs(id: PeerId | undefined): number {
    return id !== undefined && this.#self > id ? this.#tieMs : 0
  }

  #makeRoom(address: Address): boolean {
    const entries = [...this.#entries]
    const claims = entries.filter(([, entry]) => entry.addresses.includes(address)).length
    if (claims >= MAX_PEERS_PER_ADDRESS) return false
    if (entries.length < MAX_FOUND_PEERS) return true
    const oldest = entries.find(([, { state }]) => state === 'waiting' || state === 'dismissed')
    return oldest !== undefined && this.#entries.delete(oldest[0])
  }

  leave(topic: string): void {
    for (const [key, { topics }] of this.#entries) {
      topics.delete(topic)
      if (topics.size === 0) this.#entries.delete(key)
    }
  }

  take(nowMs: number): DialJob | undefined {
    const due = this.#earliest()
    if (!due || due[1].dueMs > nowMs) return undefined
    const [key, entry] = due
    entry.state = 'dialling'
    const address = entry.addresses[entry.next % entry.addresses.length]
    entry.next += 1
    return address === undefined ? undefined : { key, id: entry.id, address }
  }

  nextDueMs(): number | undefined {
    return this.#earliest()?.[1].dueMs
  }

  #earliest(): [string, Entry] | undefined {
    let earliest: [string, Entry] | undefined
    for (const item of this.#entries) {
      if (item[1].state !== 'waiting') continue
      if (!earliest || item[1].dueMs < earliest[1].dueMs) earliest = item
    }
    return earliest
  }

  connected(id: PeerId, key?: string): void {
    const dialled = key === undefined ? undefined : this.#entries.get(key)
    if (dialled) dialled.id = id
    for (const entry of this.#of(id)) entry.state = 'connected'
  }

  /** At most two: found by id, and dialled at a bootstrap address. */
  #of(id: PeerId): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.id === id)
  }

  settled(id: PeerId): void {
    for (const entry of this.#of(id)) entry.failures = 0
  }

  failed(key: string, nowMs: number): void {
    const entry = this.#entries.get(key)
    if (entry?.state === 'dialling') this.#retry(entry, nowMs)
  }

  lost(id: PeerId, isWanted: boolean, nowMs: number): void {
    for (const entry of this.#of(id)) {
      if (isWanted) this.#retry(entry, nowMs)
      else entry.state = 'dismissed'
    }
  }

  #retry(entry: Entry, nowMs: number): void {
    const waitMs = Math.min(MIN_BACKOFF_MS * 2 ** entry.failures, MAX_BACKOFF_MS)
    const spread = 0.75 + this.#random() / 2
    entry.failures += 1
    entry.state = 'waiting'
    entry.dueMs = nowMs + waitMs * spread + this.#tieDelayMs(entry.id)
  }
}
