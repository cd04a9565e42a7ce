/**
 * HyParView (Leitão, Pereira, Rodrigues: HyParView, DSN 2007): which members of a database a
 * node keeps sessions with, when nobody can be connected to everybody.
 *
 * Each node has a small ACTIVE view, its neighbours, and a larger PASSIVE view of peers that
 * could replace them. A new node joins at one peer, which makes it known by walks through the
 * overlay; where a walk ends, a neighbour is gained. Who has too few neighbours asks one of
 * its passive peers: urgently when it has hardly any, and then nobody refuses. Now and then a
 * shuffle, a short walk too, exchanges parts of the views, so that both stay random samples
 * of who is alive. Random graphs of this degree survive the loss of most of their nodes.
 *
 * Invariants: neighbours and links that wait are never more than `MAX_ACTIVE_PEERS`; a peer is
 * in one view at most; this node is in none; nothing that a peer says makes a view grow
 * beyond its limit.
 *
 * Differences: links are sessions, which both ends see; so a neighbour is one whose link both
 * have agreed on, and the answer to a shuffle goes back the way it came instead of over a
 * connection of its own. A link that was lost leaves its peer among the passive ones: links
 * break more often than peers do. Asked are `activePeers` neighbours, taken are up to
 * `MAX_ACTIVE_PEERS` less the spare links, so that somebody always has room. Who has to go for
 * a new neighbour is not any one when half of them are new (`MAX_NEWCOMERS`).
 */
import type { Address, PeerId } from '@vudo/transport'
import {
  HUNGRY_SHUFFLE_MS,
  JOIN_HOPS,
  MAX_ACTIVE_PEERS,
  MAX_NEWCOMERS,
  MAX_OVERLAY_DIALS,
  NEWCOMER_MS,
  OVERLAY_PATIENCE_MS,
  OVERLAY_TICK_MS,
  PASSIVE_JOIN_HOPS,
  SHUFFLE_INTERVAL_MS,
  SPARE_LINKS,
  URGENT_BELOW,
} from '../limits.ts'
import { PassiveView, sampleOf } from './passive-view.ts'
import { Shuffles } from './shuffles.ts'
import type { OverlayEntry, OverlayMessage } from './wire.ts'

/** What can happen to an overlay. */
export type OverlayInput =
  /** A session with a member stands, and messages can be sent. */
  | { readonly type: 'linked'; readonly peerId: PeerId; readonly isOutbound: boolean }
  /** The session is over, or what was dialled could not be reached. */
  | { readonly type: 'unlinked'; readonly peerId: PeerId }
  | { readonly type: 'message'; readonly from: PeerId; readonly message: OverlayMessage }
  /** A peer is not wanted any more, for what it did elsewhere. */
  | { readonly type: 'banned'; readonly peerId: PeerId }
  /** `wakeAtMs` has come. */
  | { readonly type: 'tick' }

/** What the driver must do about it, in order. */
export type OverlayEffect =
  | { readonly type: 'send'; readonly to: PeerId; readonly message: OverlayMessage }
  /** Make a session; answered by `linked` or `unlinked`. */
  | { readonly type: 'dial'; readonly entry: OverlayEntry }
  /** The session is not wanted any more; no `unlinked` is expected. */
  | { readonly type: 'drop'; readonly peerId: PeerId }

/** What an overlay is made with. */
export interface OverlayInit {
  readonly peerId: PeerId
  /** Where this node can be reached now. */
  readonly addresses: () => readonly Address[]
  /** How many neighbours it asks for. */
  readonly activePeers: number
  /** Whom not to take, for what they did elsewhere. */
  readonly isBanned: (peerId: PeerId) => boolean
  /** From 0 to below 1. */
  readonly random: () => number
}

interface Link {
  /** True when both ends have agreed. */
  isActive: boolean
  addresses: readonly Address[]
  /** When both ends agreed. */
  sinceMs: number
  /** When a link that is not agreed on is given up. */
  dueMs: number
}

/** The overlay of one database on one node. */
export class Overlay {
  readonly #init: OverlayInit
  readonly #passive: PassiveView
  readonly #shuffles: Shuffles
  readonly #links = new Map<PeerId, Link>()
  /** Peers that are dialled, until when, and where. */
  readonly #dials = new Map<PeerId, { readonly dueMs: number; readonly entry: OverlayEntry }>()
  #effects: OverlayEffect[] = []
  #nextShuffleMs: number
  #wakeAtMs = 0

  constructor(init: OverlayInit, nowMs: number) {
    this.#init = init
    this.#passive = new PassiveView(init.random)
    this.#shuffles = this.#createShuffles()
    this.#nextShuffleMs = nowMs + this.#spread(SHUFFLE_INTERVAL_MS) * init.random()
    this.#schedule(nowMs)
  }

  #createShuffles(): Shuffles {
    const { peerId, addresses, random } = this.#init
    return new Shuffles({
      passive: this.#passive,
      self: () => ({ peerId, addresses: addresses() }),
      links: () => [...this.#links].map(([linked, link]) => ({ peerId: linked, ...link })),
      send: (to, message) => this.#send(to, message),
      learn: (entry, expendable) => this.#learn(entry, expendable),
      random,
    })
  }

  /** Peers that both ends keep a session with. */
  get active(): readonly PeerId[] {
    return [...this.#links].filter(([, { isActive }]) => isActive).map(([peerId]) => peerId)
  }

  get passive(): readonly PeerId[] {
    return this.#passive.peers
  }

  /** Sessions of the overlay, agreed on or not. */
  get linkCount(): number {
    return this.#links.size
  }

  /** When a `tick` is due. */
  get wakeAtMs(): number {
    return this.#wakeAtMs
  }

  /** Never waits, never throws for a peer's fault, reads no clock. */
  handle(input: OverlayInput, nowMs: number): readonly OverlayEffect[] {
    switch (input.type) {
      case 'linked':
        this.#linked(input.peerId, input.isOutbound, nowMs)
        break
      case 'unlinked':
        this.#unlinked(input.peerId, nowMs)
        break
      case 'message':
        this.#receive(input.from, input.message, nowMs)
        break
      case 'banned':
        this.#ban(input.peerId)
        break
      case 'tick':
        this.#tick(nowMs)
        break
    }
    this.#schedule(nowMs)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #linked(peerId: PeerId, isOutbound: boolean, nowMs: number): void {
    const dial = this.#dials.get(peerId)
    this.#dials.delete(peerId)
    if (peerId === this.#init.peerId || this.#links.has(peerId)) return
    if (this.#init.isBanned(peerId)) return this.#emit({ type: 'drop', peerId })
    if (this.#links.size >= MAX_ACTIVE_PEERS) {
      this.#learn({ peerId, addresses: dial?.entry.addresses ?? [] })
      return this.#emit({ type: 'drop', peerId })
    }
    this.#passive.remove(peerId)
    const addresses = dial?.entry.addresses ?? []
    const dueMs = nowMs + OVERLAY_PATIENCE_MS
    this.#links.set(peerId, { isActive: false, addresses, sinceMs: nowMs, dueMs })
    if (isOutbound) this.#ask(peerId)
  }

  /** Who dialled speaks first. */
  #ask(peerId: PeerId): void {
    const addresses = this.#init.addresses()
    const count = this.active.length
    if (count === 0) return this.#send(peerId, { type: 'join', addresses })
    this.#send(peerId, { type: 'neighbour', isUrgent: count < URGENT_BELOW, addresses })
  }

  #unlinked(peerId: PeerId, nowMs: number): void {
    const link = this.#links.get(peerId)
    const dial = this.#dials.get(peerId)
    this.#links.delete(peerId)
    this.#dials.delete(peerId)
    if (link !== undefined) {
      this.#learn({ peerId, addresses: link.addresses })
      if (!link.isActive) this.#passive.postpone(peerId, nowMs)
    } else if (dial !== undefined) this.#passive.failed(peerId, nowMs)
    this.#fill(nowMs)
  }

  #ban(peerId: PeerId): void {
    this.#passive.remove(peerId)
    this.#dials.delete(peerId)
    if (this.#links.delete(peerId)) this.#emit({ type: 'drop', peerId })
  }

  #receive(from: PeerId, message: OverlayMessage, nowMs: number): void {
    const link = this.#links.get(from)
    // What was under way when the link was dropped.
    if (link === undefined) return
    switch (message.type) {
      case 'join':
        link.addresses = message.addresses
        this.#welcome(from, link, nowMs)
        break
      case 'neighbour':
        link.addresses = message.addresses
        this.#consider(from, link, { isUrgent: message.isUrgent, nowMs })
        break
      case 'answer':
        if (message.isAccepted) this.#agree(from, link, nowMs)
        else this.#refused(from, link, nowMs)
        break
      case 'disconnect':
        this.#links.delete(from)
        this.#emit({ type: 'drop', peerId: from })
        this.#learn({ peerId: from, addresses: link.addresses })
        this.#passive.postpone(from, nowMs)
        this.#fill(nowMs)
        break
      case 'forward-join':
        this.#walkJoin(from, message.entry, { hops: Math.min(message.hops, JOIN_HOPS), nowMs })
        break
      case 'shuffle':
        this.#shuffles.walk(from, message)
        break
      case 'shuffle-answer':
        this.#shuffles.answered(message.id, message.entries)
        break
    }
  }

  /** A new node: it becomes a neighbour whoever has to go, and the others hear of it. */
  #welcome(from: PeerId, link: Link, nowMs: number): void {
    this.#accept(from, link, nowMs)
    const entry = { peerId: from, addresses: link.addresses }
    for (const peerId of this.active) {
      if (peerId !== from) this.#send(peerId, { type: 'forward-join', hops: JOIN_HOPS, entry })
    }
  }

  #consider(
    from: PeerId,
    link: Link,
    { isUrgent, nowMs }: { readonly isUrgent: boolean; readonly nowMs: number },
  ): void {
    const isFull = this.active.length >= MAX_ACTIVE_PEERS - SPARE_LINKS
    if (isUrgent || link.isActive || !isFull) return this.#accept(from, link, nowMs)
    this.#send(from, { type: 'answer', isAccepted: false })
    // Its end drops the link; one that does not is dropped when the time is up.
    link.dueMs = Math.min(link.dueMs, nowMs + OVERLAY_PATIENCE_MS / 3)
  }

  #accept(from: PeerId, link: Link, nowMs: number): void {
    this.#send(from, { type: 'answer', isAccepted: true })
    this.#agree(from, link, nowMs)
  }

  #agree(peerId: PeerId, link: Link, nowMs: number): void {
    if (link.isActive) return
    const others = this.active
    link.isActive = true
    link.sinceMs = nowMs
    if (others.length < MAX_ACTIVE_PEERS - SPARE_LINKS) return
    const [gone] = sampleOf(this.#expendable(others, nowMs), 1, this.#init.random)
    if (gone !== undefined) this.#letGo(gone, nowMs)
  }

  /**
   * Who can be let go for a new neighbour. New ones go for new ones once they are half of all:
   * a member with many keys cannot push out everybody else.
   */
  #expendable(neighbours: readonly PeerId[], nowMs: number): readonly PeerId[] {
    const newcomers = neighbours.filter((peerId) => {
      const sinceMs = this.#links.get(peerId)?.sinceMs ?? nowMs
      return nowMs - sinceMs < NEWCOMER_MS
    })
    return newcomers.length < MAX_NEWCOMERS ? neighbours : newcomers
  }

  /** Ends a link on our side, telling the peer. */
  #letGo(peerId: PeerId, nowMs: number): void {
    const link = this.#links.get(peerId)
    if (link === undefined) return
    this.#links.delete(peerId)
    this.#send(peerId, { type: 'disconnect' })
    this.#emit({ type: 'drop', peerId })
    this.#learn({ peerId, addresses: link.addresses })
    this.#passive.postpone(peerId, nowMs)
  }

  #refused(from: PeerId, link: Link, nowMs: number): void {
    if (link.isActive) return
    this.#links.delete(from)
    this.#emit({ type: 'drop', peerId: from })
    this.#learn({ peerId: from, addresses: link.addresses })
    this.#passive.postpone(from, nowMs)
    this.#fill(nowMs)
  }

  #walkJoin(
    from: PeerId,
    entry: OverlayEntry,
    { hops, nowMs }: { readonly hops: number; readonly nowMs: number },
  ): void {
    if (entry.peerId === this.#init.peerId || this.#links.has(entry.peerId)) return
    const others = this.active.filter((peerId) => peerId !== from && peerId !== entry.peerId)
    if (hops === 0 || others.length === 0) {
      this.#learn(entry)
      // A neighbour for the new node, also above what this one would ask for itself.
      if (this.#room > SPARE_LINKS) this.#dial(entry, nowMs)
      return
    }
    if (hops === PASSIVE_JOIN_HOPS) this.#learn(entry)
    const [next] = sampleOf(others, 1, this.#init.random)
    if (next !== undefined) this.#send(next, { type: 'forward-join', hops: hops - 1, entry })
  }

  #learn(entry: OverlayEntry, expendable: readonly PeerId[] = []): void {
    const { peerId } = entry
    if (peerId === this.#init.peerId || this.#links.has(peerId) || this.#init.isBanned(peerId))
      return
    this.#passive.add(entry, expendable)
  }

  #tick(nowMs: number): void {
    for (const [peerId, { dueMs }] of this.#dials) {
      if (dueMs > nowMs) continue
      this.#dials.delete(peerId)
      this.#passive.failed(peerId, nowMs)
    }
    for (const [peerId, link] of this.#links) {
      if (!link.isActive && link.dueMs <= nowMs) this.#letGo(peerId, nowMs)
    }
    this.#fill(nowMs)
    if (this.#nextShuffleMs > nowMs) return
    this.#shuffles.begin()
    this.#nextShuffleMs = nowMs + this.#spread(SHUFFLE_INTERVAL_MS)
  }

  /** When there is something to do next. Nobody is woken for nothing: most nodes have all they want. */
  #schedule(nowMs: number): void {
    let nextMs = this.#nextShuffleMs
    for (const { dueMs } of this.#dials.values()) nextMs = Math.min(nextMs, dueMs)
    for (const { isActive, dueMs } of this.#links.values()) {
      if (!isActive) nextMs = Math.min(nextMs, dueMs)
    }
    if (this.#links.size + this.#dials.size < this.#init.activePeers) {
      // Too few neighbours, and perhaps nobody to ask: the next shuffle is due sooner.
      this.#nextShuffleMs = Math.min(this.#nextShuffleMs, nowMs + this.#spread(HUNGRY_SHUFFLE_MS))
      nextMs = Math.min(nextMs, nowMs + OVERLAY_TICK_MS)
    }
    this.#wakeAtMs = Math.max(nextMs, nowMs)
  }

  /** Asks passive peers while neighbours are missing. */
  #fill(nowMs: number): void {
    for (;;) {
      const wanted = this.#links.size + this.#dials.size
      if (wanted >= this.#init.activePeers || this.#dials.size >= MAX_OVERLAY_DIALS) return
      const entry = this.#passive.pick(nowMs, (peerId) => !this.#dials.has(peerId))
      if (entry === undefined) return
      this.#dial(entry, nowMs)
    }
  }

  #dial(entry: OverlayEntry, nowMs: number): void {
    const { peerId } = entry
    if (this.#dials.has(peerId) || this.#links.has(peerId) || this.#init.isBanned(peerId)) return
    this.#dials.set(peerId, { dueMs: nowMs + OVERLAY_PATIENCE_MS, entry })
    this.#emit({ type: 'dial', entry })
  }

  /** Links that can still be had, dials counted. */
  get #room(): number {
    return MAX_ACTIVE_PEERS - this.#links.size - this.#dials.size
  }

  #send(to: PeerId, message: OverlayMessage): void {
    this.#emit({ type: 'send', to, message })
  }

  #emit(effect: OverlayEffect): void {
    this.#effects.push(effect)
  }

  /** Not all nodes at the same moment. */
  #spread(ms: number): number {
    return ms * (0.9 + 0.2 * this.#init.random())
  }
}
