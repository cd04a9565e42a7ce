/**
 * Who is in a room, and what each shows of itself.
 *
 * Everybody publishes its whole state: at once when it has changed, at most every
 * `PRESENCE_INTERVAL_MS` (what changes in between is left out, the last state is not), and
 * again after `PRESENCE_HEARTBEAT_MS`. So a lost message is made good by the next one, and
 * nothing has to be confirmed. Who enters asks the others to show themselves, which they do
 * after a moment of their own choice; in a full room the next heartbeats do. Who says goodbye,
 * or gives no sign for the time it has named, is gone.
 *
 * Invariants: an entry belongs to the author whom a signature has proven, and nobody else can
 * change it; its states only grow in number, so that an old one that comes late or again is
 * ignored; there are never more than `MAX_PRESENT_PEERS` entries, nor more than
 * `MAX_INSTANCES_PER_PEER` of one author; no time that a peer names is taken unclamped.
 */
import type { PeerId } from '@vudo/transport'
import { bytesEqual } from '@vudo/wire'
import {
  MAX_INSTANCES_PER_PEER,
  MAX_PRESENCE_TTL_MS,
  MAX_PRESENT_PEERS,
  MIN_PRESENCE_TTL_MS,
  PRESENCE_ANSWER_MS,
  PRESENCE_ANSWER_PEERS,
  PRESENCE_BURST,
  PRESENCE_HEARTBEAT_MS,
  PRESENCE_INTERVAL_MS,
  PRESENCE_STATES_PER_SECOND,
  PRESENCE_TTL_MS,
} from '../limits.ts'
import { setBounded } from '../announcements/bounded-map.ts'
import { decodeState, type PresenceMessage, type PresenceState } from './wire.ts'

/** Somebody who is in a room. */
export interface PresentPeer {
  /** PROVEN: who signed what is shown. */
  readonly peerId: PeerId
  /** Tells entries of one peer apart, two windows for example: 16 characters of hex. */
  readonly instance: string
  /** What it shows of itself: its own word. Another object after each change. */
  readonly state: PresenceState
}

/** What can happen to a room. */
export type RoomInput =
  /** This node shows another state, given as `encodeState` makes it. */
  | { readonly type: 'set'; readonly state: Uint8Array }
  /** More neighbours listen than before: they have heard nothing yet. */
  | { readonly type: 'reached' }
  | {
      readonly type: 'message'
      readonly author: PeerId
      /** Grows with each message of an author's process. */
      readonly sequence: bigint
      readonly message: PresenceMessage
    }
  /** This node leaves. Nothing may follow. */
  | { readonly type: 'leave' }
  /** `wakeAtMs` has come. */
  | { readonly type: 'tick' }

/** What the driver must do about it, in order. */
export type RoomEffect =
  | { readonly type: 'publish'; readonly message: PresenceMessage }
  | { readonly type: 'joined' | 'changed'; readonly peer: PresentPeer }
  | {
      readonly type: 'left'
      readonly peer: PresentPeer
      /** Whether it said so; or gave no sign for too long, or gave way to another peer in a full room. */
      readonly reason: 'goodbye' | 'expired'
    }

/** What a room is made with. */
export interface RoomInit {
  /** 32 characters of hex. */
  readonly room: string
  readonly peerId: PeerId
  /** 16 characters of hex, new for each entry. */
  readonly instance: string
  /** What this node shows to begin with. */
  readonly state: Uint8Array
  /** From 0 to below 1. */
  readonly random: () => number
}

interface Entry {
  readonly author: PeerId
  readonly bytes: Uint8Array
  readonly peer: PresentPeer
  readonly expiresAtMs: number
}

/** How much an author may still say. */
interface Allowance {
  /** States that may still be taken at once, as of `atMs`. */
  tokens: number
  atMs: number
}

/** One room on one node. */
export class Room {
  readonly #init: RoomInit
  readonly #entries = new Map<string, Entry>()
  /** The newest number of each entry, also for a while after it has gone. */
  readonly #heard = new Map<string, bigint>()
  /** By author: a sender chooses its instances, and not its key. */
  readonly #allowances = new Map<PeerId, Allowance>()
  #state: Uint8Array
  #effects: RoomEffect[] = []
  #ignored = 0
  #sentAtMs = -Infinity
  #answeredAtMs = -Infinity
  /** When what has changed may be published. */
  #changeDueMs: number | undefined
  #answerDueMs: number | undefined
  #askedAtMs = -Infinity
  #mustAsk = true
  /** The state has changed since it was published. */
  #isDirty = false

  constructor(init: RoomInit, nowMs: number) {
    this.#init = init
    this.#state = init.state
    this.#changeDueMs = nowMs
  }

  /** Who is here besides this node, in the order of coming. */
  get peers(): readonly PresentPeer[] {
    return [...this.#entries.values()].map(({ peer }) => peer)
  }

  /** Messages that were not taken: old, too many, or of somebody for whom there is no room. */
  get ignored(): number {
    return this.#ignored
  }

  /** When a `tick` is due. */
  get wakeAtMs(): number {
    const expiries = [...this.#entries.values()].map(({ expiresAtMs }) => expiresAtMs)
    return Math.min(
      this.#sentAtMs + PRESENCE_HEARTBEAT_MS,
      this.#changeDueMs ?? Infinity,
      this.#answerDueMs ?? Infinity,
      ...expiries,
    )
  }

  /**
   * Never waits, reads no clock.
   *
   * @throws `GossipError` `ERR_GOSSIP_PROTOCOL` for a message whose state is malformed;
   *   who is here has not changed then.
   */
  handle(input: RoomInput, nowMs: number): readonly RoomEffect[] {
    if (input.type === 'set') this.#set(input.state)
    else if (input.type === 'reached') this.#mustAsk = true
    else if (input.type === 'message') this.#receive(input, nowMs)
    if (input.type === 'leave') this.#publish('goodbye')
    else {
      if (this.#mustAsk) {
        this.#changeDueMs ??= Math.max(nowMs, this.#askedAtMs + PRESENCE_ANSWER_MS)
      }
      if (this.#isDirty) {
        const dueMs = Math.max(nowMs, this.#sentAtMs + PRESENCE_INTERVAL_MS)
        this.#changeDueMs = Math.min(dueMs, this.#changeDueMs ?? Infinity)
      }
      this.#expire(nowMs)
      this.#speak(nowMs)
    }
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #set(state: Uint8Array): void {
    if (bytesEqual(state, this.#state)) return
    this.#state = state
    this.#isDirty = true
  }

  /** Publishes when there is a reason, and its time has come. */
  #speak(nowMs: number): void {
    const isChangeDue = (this.#changeDueMs ?? Infinity) <= nowMs
    const isAnswerDue = (this.#answerDueMs ?? Infinity) <= nowMs
    const isHeartbeatDue = this.#sentAtMs + PRESENCE_HEARTBEAT_MS <= nowMs
    if (!isChangeDue && !isAnswerDue && !isHeartbeatDue) return
    this.#publish(this.#mustAsk ? 'enter' : 'state')
    if (this.#mustAsk) this.#askedAtMs = nowMs
    // One message is all three: a change, an answer, a sign of life.
    if (this.#answerDueMs !== undefined) this.#answeredAtMs = nowMs
    this.#answerDueMs = undefined
    this.#changeDueMs = undefined
    this.#mustAsk = false
    this.#isDirty = false
    this.#sentAtMs = nowMs
  }

  #publish(type: PresenceMessage['type']): void {
    const { room, instance } = this.#init
    const state = type === 'goodbye' ? new Uint8Array() : this.#state
    const message = { type, room, instance, ttlMs: PRESENCE_TTL_MS, state }
    this.#effects.push({ type: 'publish', message })
  }

  #receive({ author, sequence, message }: RoomInput & { type: 'message' }, nowMs: number): void {
    const key = author + message.instance
    if (key === this.#init.peerId + this.#init.instance) return
    if (!this.#accept(key, { author, sequence }, nowMs)) {
      this.#ignored += 1
      return
    }
    if (message.type === 'goodbye') return this.#remove(key, 'goodbye')
    const place = this.#placeFor(key, author)
    if (place === undefined) {
      this.#ignored += 1
      return
    }
    this.#show(key, { author, message }, nowMs)
    if (place !== key) this.#remove(place, 'expired')
    if (message.type === 'enter') this.#answer(nowMs)
  }

  #show(
    key: string,
    { author, message }: { readonly author: PeerId; readonly message: PresenceMessage },
    nowMs: number,
  ): void {
    const ttlMs = Math.min(MAX_PRESENCE_TTL_MS, Math.max(MIN_PRESENCE_TTL_MS, message.ttlMs))
    const present = this.#entries.get(key)
    const isSame = present !== undefined && bytesEqual(present.bytes, message.state)
    const { instance, state: bytes } = message
    const peer = isSame ? present.peer : { peerId: author, instance, state: decodeState(bytes) }
    this.#entries.set(key, { author, bytes, peer, expiresAtMs: nowMs + ttlMs })
    if (isSame) return
    this.#effects.push({ type: present === undefined ? 'joined' : 'changed', peer })
  }

  /** Tells whether a message is new and its author not too loud. */
  #accept(
    key: string,
    { author, sequence }: { readonly author: PeerId; readonly sequence: bigint },
    nowMs: number,
  ): boolean {
    if (sequence <= (this.#heard.get(key) ?? -1n)) return false
    const before = this.#allowances.get(author) ?? { tokens: PRESENCE_BURST, atMs: nowMs }
    const gained = ((nowMs - before.atMs) * PRESENCE_STATES_PER_SECOND) / 1_000
    const tokens = Math.min(PRESENCE_BURST, before.tokens + gained)
    const isQuiet = tokens >= 1
    const allowance = { tokens: isQuiet ? tokens - 1 : tokens, atMs: nowMs }
    setBounded(this.#allowances, author, allowance, 2 * MAX_PRESENT_PEERS)
    // Whoever is too loud must not push out what is remembered of others either.
    if (isQuiet || this.#heard.has(key)) {
      setBounded(this.#heard, key, sequence, 2 * MAX_PRESENT_PEERS)
    }
    return isQuiet
  }

  /**
   * The key itself when there is room for an entry. In a full room who has no entry takes the
   * place of the newest one of an author with several, whose key it gives then.
   */
  #placeFor(key: string, author: PeerId): string | undefined {
    if (this.#entries.has(key)) return key
    const keysByAuthor = new Map<PeerId, string[]>()
    for (const [present, entry] of this.#entries) {
      const keys = keysByAuthor.get(entry.author)
      if (keys === undefined) keysByAuthor.set(entry.author, [present])
      else keys.push(present)
    }
    const own = keysByAuthor.get(author)?.length ?? 0
    if (own >= MAX_INSTANCES_PER_PEER) return undefined
    if (this.#entries.size < MAX_PRESENT_PEERS) return key
    if (own > 0) return undefined
    let most: readonly string[] = []
    for (const keys of keysByAuthor.values()) if (keys.length > most.length) most = keys
    return most.length > 1 ? most.at(-1) : undefined
  }

  /** Shows this node to a newcomer: soon among few, later among many, and not to each one by one. */
  #answer(nowMs: number): void {
    const share = this.#entries.size / PRESENCE_ANSWER_PEERS
    if (share > 1) return
    const wishMs = nowMs + this.#init.random() * PRESENCE_ANSWER_MS * share
    this.#answerDueMs ??= Math.max(wishMs, this.#answeredAtMs + PRESENCE_ANSWER_MS)
  }

  #expire(nowMs: number): void {
    for (const [key, { expiresAtMs }] of this.#entries) {
      if (expiresAtMs <= nowMs) this.#remove(key, 'expired')
    }
  }

  #remove(key: string, reason: 'goodbye' | 'expired'): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#effects.push({ type: 'left', peer: entry.peer, reason })
  }
}
