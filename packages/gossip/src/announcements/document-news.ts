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
 * looks; what an announcement names is believed for nothing but where to look, and changes nothing
 * about the states that others have announced.
 */
import type { Address, PeerId } from '@vudo/transport'
import {
  MAX_HOLDERS,
  MAX_LOOKS,
  MAX_PULL_LOOKS,
  MAX_PULLS,
  MAX_WANTED_DOCUMENTS,
  MAX_WANTED_PER_AUTHOR,
  NEWS_DELAY_MS,
  NEWS_SPREAD_MS,
  PATIENT_LOOKS,
  PULL_LOOK_MS,
  PULL_PAUSE_MS,
} from '../limits.ts'
import { setBounded } from './bounded-map.ts'
import type { AnnouncedDocument, DocumentMessage } from './document-wire.ts'
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
  | {
      readonly type: 'looked'
      readonly id: string
      readonly heads: readonly string[]
      readonly isHere: boolean
    }
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

/** A state of a document, and who has announced it. */
interface Wanted {
  readonly id: string
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

  /** States of documents that are known to be elsewhere, and may be missing here. */
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
    else if (input.type === 'looked') this.#looked(input, nowMs)
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
    const held = this.#heldBy(author)
    for (const document of documents) {
      this.#outbox.heard(document, author)
      const before = held.get(document.id)
      const wanted = this.#want(document, before, nowMs)
      // A newer state replaces the author's older one: whoever has it has the older one too, or will.
      if (before !== undefined && before !== wanted) this.#forget(before, author)
      setBounded(wanted.addressesByHolder, author, addresses, MAX_HOLDERS)
      held.delete(document.id)
      held.set(document.id, wanted)
      const [oldest] = held.values()
      if (held.size <= MAX_WANTED_PER_AUTHOR || oldest === undefined) continue
      this.#forget(oldest, author)
      held.delete(oldest.id)
    }
  }

  /** What an author has announced, by document, the oldest first. */
  #heldBy(author: PeerId): Map<string, Wanted> {
    const held = [...this.#wanted.values()].filter((wanted) => wanted.addressesByHolder.has(author))
    return new Map(held.map((wanted) => [wanted.id, wanted]))
  }

  #forget(wanted: Wanted, author: PeerId): void {
    wanted.addressesByHolder.delete(author)
    if (wanted.addressesByHolder.size === 0) this.#wanted.delete(keyOf(wanted))
  }

  /** @param before - What the same author has announced of the document before. */
  #want({ id, heads }: AnnouncedDocument, before: Wanted | undefined, nowMs: number): Wanted {
    const key = keyOf({ id, heads })
    const present = this.#wanted.get(key)
    if (present !== undefined) return present
    const dueMs = nowMs + NEWS_DELAY_MS + this.#init.random() * NEWS_SPREAD_MS
    const wanted: Wanted = {
      id,
      heads,
      addressesByHolder: new Map(),
      // Who types all the time must not put off for ever when it is looked for.
      dueMs: before?.isLooking ? nowMs + PULL_LOOK_MS : Math.min(before?.dueMs ?? Infinity, dueMs),
      looks: (before?.looks ?? 0) + Number(before?.isLooking ?? false),
      isLooking: false,
    }
    setBounded(this.#wanted, key, wanted, MAX_WANTED_DOCUMENTS)
    return wanted
  }

  #look(nowMs: number): void {
    for (const wanted of this.#wanted.values()) {
      if (this.#looksUnderWay >= MAX_LOOKS) return
      if (wanted.isLooking || wanted.dueMs > nowMs) continue
      wanted.isLooking = true
      this.#looksUnderWay += 1
      this.#effects.push({ type: 'look', id: wanted.id, heads: wanted.heads })
    }
  }

  #looked({ id, heads, isHere }: NewsInput & { type: 'looked' }, nowMs: number): void {
    this.#looksUnderWay -= 1
    const key = keyOf({ id, heads })
    const wanted = this.#wanted.get(key)
    if (wanted === undefined) return
    wanted.looks += 1
    wanted.isLooking = false
    wanted.dueMs = nowMs + PULL_LOOK_MS
    if (isHere || wanted.looks >= MAX_PULL_LOOKS) this.#wanted.delete(key)
    else this.#pull(wanted, nowMs)
  }

  #pull({ addressesByHolder, looks }: Wanted, nowMs: number): void {
    if (this.#dialling.size >= MAX_PULLS) return
    const holders = [...addressesByHolder]
    const apart = holders.filter(([peerId]) => !this.#init.isConnected(peerId))
    // It is on its way; but who only says that it has it must not keep it from coming.
    if (apart.length < holders.length && looks <= PATIENT_LOOKS) return
    const free = apart.filter(
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

function keyOf({ id, heads }: AnnouncedDocument): string {
  return `${id}/${heads.join()}`
}
