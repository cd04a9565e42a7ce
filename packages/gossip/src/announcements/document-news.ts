/**
 * News of documents: who has which state, so that a peer that is no neighbour can pull it.
 *
 * Documents flow between neighbours anyway. An announcement goes to everybody; who hears of
 * a state waits as long as it usually takes to come by itself, and a little longer by chance,
 * then looks whether it is here. Only when it is not, a session with one of those who have
 * announced it is asked for, chosen by chance, and the sync engine does the rest. So most
 * announcements cost nothing, and not all pull from one peer at one time.
 *
 * Invariants: at most `MAX_LOOKS` documents are looked for and `MAX_PULLS` peers dialled at
 * one time, each peer at most once every `PULL_PAUSE_MS`, however much is announced; a document is given up after `MAX_PULL_LOOKS`
 * looks; what an announcement names is believed for nothing but where to look.
 */
import type { Address, PeerId } from '@vudo/transport'
import {
  MAX_HOLDERS,
  MAX_LOOKS,
  MAX_PULL_LOOKS,
  MAX_PULLS,
  MAX_WANTED_DOCUMENTS,
  NEWS_DELAY_MS,
  NEWS_SPREAD_MS,
  PULL_LOOK_MS,
  PULL_PAUSE_MS,
} from '../limits.ts'
import { setBounded } from './bounded-map.ts'
import type { DocumentMessage } from './document-wire.ts'
import { NewsOutbox } from './news-outbox.ts'

/** What can happen to the news. */
export type NewsInput =
  /** A document has changed here. */
  | {
      readonly type: 'changed'
      readonly id: string
      readonly heads: readonly string[]
      /** Written here, and not by a peer. */
      readonly isOwn: boolean
    }
  | { readonly type: 'message'; readonly author: PeerId; readonly message: DocumentMessage }
  /** The answer to a `look`. */
  | { readonly type: 'looked'; readonly id: string; readonly isHere: boolean }
  /** The answer to a `connect`, whether it worked or not. */
  | { readonly type: 'dialled'; readonly peerId: PeerId }
  /** `wakeAtMs` has come. */
  | { readonly type: 'tick' }

/** What the driver must do about it, in order. */
export type NewsEffect =
  | { readonly type: 'publish'; readonly documents: DocumentMessage['documents'] }
  /** Find out whether these heads are in the history of the document here. */
  | { readonly type: 'look'; readonly id: string; readonly heads: readonly string[] }
  /** Make a session with a peer that has something. */
  | {
      readonly type: 'connect'
      readonly peerId: PeerId
      readonly addresses: readonly Address[]
    }

/** What the news are made with. */
export interface NewsInit {
  /** Tells whether documents flow between this node and that peer already. */
  readonly isConnected: (peerId: PeerId) => boolean
  /** From 0 to below 1. */
  readonly random: () => number
}

interface Wanted {
  readonly heads: readonly string[]
  readonly addressesByHolder: Map<PeerId, readonly Address[]>
  dueMs: number
  looks: number
  isLooking: boolean
}

/** The news of one database on one node. */
export class DocumentNews {
  readonly #init: NewsInit
  readonly #outbox: NewsOutbox
  readonly #wanted = new Map<string, Wanted>()
  readonly #dialling = new Set<PeerId>()
  /** When a peer may be dialled again. */
  readonly #notBeforeMsByPeer = new Map<PeerId, number>()
  #effects: NewsEffect[] = []
  #looksUnderWay = 0

  constructor(init: NewsInit) {
    this.#init = init
    this.#outbox = new NewsOutbox(init.random)
  }

  /** Documents that are known to be elsewhere, and may be missing here. */
  get wantedCount(): number {
    return this.#wanted.size
  }

  /** When a `tick` is due; infinite while nothing is. */
  get wakeAtMs(): number {
    let first = this.#outbox.dueMs
    // With as many looks under way as may be, the next answer goes on.
    if (this.#looksUnderWay >= MAX_LOOKS) return first
    for (const { dueMs, isLooking } of this.#wanted.values()) {
      if (!isLooking) first = Math.min(first, dueMs)
    }
    return first
  }

  /** Never waits, never throws, reads no clock. */
  handle(input: NewsInput, nowMs: number): readonly NewsEffect[] {
    if (input.type === 'changed') this.#outbox.add(input.id, input.heads, input.isOwn, nowMs)
    else if (input.type === 'message') this.#receive(input.author, input.message, nowMs)
    else if (input.type === 'looked') this.#looked(input.id, input.isHere, nowMs)
    else if (input.type === 'dialled') this.#dialling.delete(input.peerId)
    this.#announce(nowMs)
    this.#look(nowMs)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #announce(nowMs: number): void {
    const documents = this.#outbox.take(nowMs)
    if (documents.length > 0) this.#effects.push({ type: 'publish', documents })
  }

  #receive(author: PeerId, { addresses, documents }: DocumentMessage, nowMs: number): void {
    for (const document of documents) {
      this.#outbox.heard(document)
      this.#want(document.id, document.heads, nowMs)
      const wanted = this.#wanted.get(document.id)
      if (wanted !== undefined) setBounded(wanted.addressesByHolder, author, addresses, MAX_HOLDERS)
    }
  }

  /** A newer state replaces an older one: whoever has it has the older one too, or will. */
  #want(id: string, heads: readonly string[], nowMs: number): void {
    const before = this.#wanted.get(id)
    if (before?.heads.join() === heads.join()) return
    const dueMs = nowMs + NEWS_DELAY_MS + this.#init.random() * NEWS_SPREAD_MS
    const wanted: Wanted = {
      heads,
      addressesByHolder: new Map(),
      // Who types all the time must not put off for ever when it is looked for.
      dueMs: Math.min(before?.dueMs ?? Infinity, dueMs),
      looks: before?.looks ?? 0,
      isLooking: before?.isLooking ?? false,
    }
    setBounded(this.#wanted, id, wanted, MAX_WANTED_DOCUMENTS)
  }

  #look(nowMs: number): void {
    for (const [id, wanted] of this.#wanted) {
      if (this.#looksUnderWay >= MAX_LOOKS) return
      if (wanted.isLooking || wanted.dueMs > nowMs) continue
      wanted.isLooking = true
      this.#looksUnderWay += 1
      this.#effects.push({ type: 'look', id, heads: wanted.heads })
    }
  }

  #looked(id: string, isHere: boolean, nowMs: number): void {
    this.#looksUnderWay -= 1
    const wanted = this.#wanted.get(id)
    if (wanted === undefined) return
    wanted.looks += 1
    wanted.isLooking = false
    wanted.dueMs = nowMs + PULL_LOOK_MS
    if (isHere || wanted.looks >= MAX_PULL_LOOKS) this.#wanted.delete(id)
    else this.#pull(wanted, nowMs)
  }

  #pull({ addressesByHolder }: Wanted, nowMs: number): void {
    if (this.#dialling.size >= MAX_PULLS) return
    const holders = [...addressesByHolder]
    // It is on its way.
    if (holders.some(([peerId]) => this.#init.isConnected(peerId))) return
    const free = holders.filter(
      ([peerId]) => (this.#notBeforeMsByPeer.get(peerId) ?? -Infinity) <= nowMs,
    )
    const chosen = free[Math.floor(this.#init.random() * free.length)]
    if (chosen === undefined) return
    const [peerId, addresses] = chosen
    this.#dialling.add(peerId)
    setBounded(this.#notBeforeMsByPeer, peerId, nowMs + PULL_PAUSE_MS, MAX_WANTED_DOCUMENTS)
    this.#effects.push({ type: 'connect', peerId, addresses })
  }
}
