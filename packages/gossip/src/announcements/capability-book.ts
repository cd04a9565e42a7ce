/**
 * What each member says that it can do.
 *
 * Everybody publishes its capabilities when they change and every `CAPABILITIES_INTERVAL_MS`,
 * each time for `CAPABILITIES_TTL_MS`; who is silent longer is forgotten. There is no question
 * and no answer: a newcomer knows everybody after one interval, in a small database at once,
 * as those who hear somebody new speak a little earlier.
 */
import type { PeerId } from '@vudo/transport'
import {
  CAPABILITIES_INTERVAL_MS,
  CAPABILITIES_TTL_MS,
  MAX_CAPABILITIES_TTL_MS,
  MAX_CAPABLE_PEERS,
  MIN_CAPABILITIES_INTERVAL_MS,
  PRESENCE_ANSWER_PEERS,
} from '../limits.ts'
import type { Capabilities, CapabilityMessage } from './capability-wire.ts'

/** What can happen to the book. */
export type CapabilityInput =
  /** This node can do something else than before. */
  | { readonly type: 'set'; readonly capabilities: Capabilities }
  /** More neighbours listen than before: they have heard nothing yet. */
  | { readonly type: 'reached' }
  | {
      readonly type: 'message'
      readonly author: PeerId
      /** Grows with each message of an author's process. */
      readonly sequence: bigint
      readonly message: CapabilityMessage
    }
  /** This node goes. Nothing may follow. */
  | { readonly type: 'leave' }
  /** `wakeAtMs` has come. */
  | { readonly type: 'tick' }

/** What the driver must do about it, in order. */
export type CapabilityEffect =
  | { readonly type: 'publish'; readonly message: CapabilityMessage }
  | {
      readonly type: 'changed'
      readonly peerId: PeerId
      /** `undefined`: the peer has gone, or has said nothing for too long. */
      readonly capabilities: Capabilities | undefined
    }

interface Entry {
  readonly sequence: bigint
  readonly capabilities: Capabilities
  readonly expiresAtMs: number
}

/** The book of one database on one node. */
export class CapabilityBook {
  readonly #random: () => number
  readonly #entries = new Map<PeerId, Entry>()
  #own: Capabilities
  #effects: CapabilityEffect[] = []
  #saidAtMs = -Infinity
  #dueMs: number

  constructor(own: Capabilities, random: () => number, nowMs: number) {
    this.#own = own
    this.#random = random
    this.#dueMs = nowMs
  }

  /** What this node says of itself. */
  get own(): Capabilities {
    return this.#own
  }

  /** Everybody who has said something that still holds. */
  get all(): ReadonlyMap<PeerId, Capabilities> {
    return new Map([...this.#entries].map(([peerId, { capabilities }]) => [peerId, capabilities]))
  }

  /** When a `tick` is due. */
  get wakeAtMs(): number {
    // Entries are in the order of hearing, and nearly in that of expiring: one look a minute is enough.
    return this.#dueMs
  }

  of(peerId: PeerId, nowMs: number): Capabilities | undefined {
    const entry = this.#entries.get(peerId)
    return entry !== undefined && entry.expiresAtMs > nowMs ? entry.capabilities : undefined
  }

  /** Never waits, never throws, reads no clock. */
  handle(input: CapabilityInput, nowMs: number): readonly CapabilityEffect[] {
    if (input.type === 'message') this.#receive(input, nowMs)
    else if (input.type === 'leave') this.#publish(0)
    else {
      if (input.type === 'set') this.#own = input.capabilities
      if (input.type !== 'tick') this.#hurry(nowMs, 0)
      this.#expire(nowMs)
      this.#speak(nowMs)
    }
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** Speaks after `delayMs`, but not much more often than is useful. */
  #hurry(nowMs: number, delayMs: number): void {
    const dueMs = Math.max(nowMs + delayMs, this.#saidAtMs + MIN_CAPABILITIES_INTERVAL_MS)
    this.#dueMs = Math.min(this.#dueMs, dueMs)
  }

  #speak(nowMs: number): void {
    if (this.#dueMs > nowMs) return
    this.#publish(CAPABILITIES_TTL_MS)
    this.#saidAtMs = nowMs
    // Who started together does not go on speaking together.
    this.#dueMs = nowMs + CAPABILITIES_INTERVAL_MS * (0.9 + 0.2 * this.#random())
  }

  #publish(ttlMs: number): void {
    this.#effects.push({ type: 'publish', message: { ttlMs, capabilities: this.#own } })
  }

  #receive(
    { author, sequence, message }: CapabilityInput & { type: 'message' },
    nowMs: number,
  ): void {
    const before = this.#entries.get(author)
    if (before !== undefined && sequence <= before.sequence) return
    if (message.ttlMs === 0) return this.#remove(author)
    const { capabilities } = message
    const expiresAtMs = nowMs + Math.min(MAX_CAPABILITIES_TTL_MS, message.ttlMs)
    // The order of the map is the order of hearing: its first entry is the one to forget.
    this.#entries.delete(author)
    this.#entries.set(author, { sequence, capabilities, expiresAtMs })
    if (!isSame(before?.capabilities, capabilities)) {
      this.#effects.push({ type: 'changed', peerId: author, capabilities })
    }
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MAX_CAPABLE_PEERS && oldest !== undefined) this.#remove(oldest)
    const isFew = this.#entries.size <= PRESENCE_ANSWER_PEERS
    if (before === undefined && isFew) {
      this.#hurry(nowMs, this.#random() * MIN_CAPABILITIES_INTERVAL_MS)
    }
  }

  #expire(nowMs: number): void {
    for (const [peerId, { expiresAtMs }] of this.#entries) {
      if (expiresAtMs <= nowMs) this.#remove(peerId)
    }
  }

  #remove(peerId: PeerId): void {
    if (!this.#entries.delete(peerId)) return
    this.#effects.push({ type: 'changed', peerId, capabilities: undefined })
  }
}

function isSame(a: Capabilities | undefined, b: Capabilities): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b)
}
