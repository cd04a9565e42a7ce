import type { PeerId } from '@vudo/transport'
import {
  ANNOUNCE_INTERVAL_MS,
  DOCUMENT_ANNOUNCE_INTERVAL_MS,
  ENOUGH_HOLDERS,
  MAX_ANNOUNCED_DOCUMENTS,
  MAX_ANNOUNCED_HEADS,
  MAX_PENDING_ANNOUNCEMENTS,
  NEWS_DELAY_MS,
  NEWS_SPREAD_MS,
} from '../limits.ts'
import { setBounded } from './bounded-map.ts'
import type { AnnouncedDocument } from './document-wire.ts'

interface Pending {
  readonly heads: readonly string[]
  readonly dueMs: number
  /** Written here, and not only passed on. */
  readonly isOwn: boolean
  /** Who else has announced the same heads. */
  readonly heardFrom: Set<PeerId>
}

/**
 * Which documents this node announces, and when: what was written here at once, but each
 * document at most every `DOCUMENT_ANNOUNCE_INTERVAL_MS`; what came from others after a
 * while, and only when hardly anybody else has announced it (as Trickle does it, RFC 6206).
 * So everybody learns of more than one holder, and not of all.
 */
export class NewsOutbox {
  readonly #random: () => number
  readonly #pending = new Map<string, Pending>()
  readonly #saidAtMsById = new Map<string, number>()
  #saidAtMs = -Infinity

  constructor(random: () => number) {
    this.#random = random
  }

  /** When {@link take} may give something. */
  get dueMs(): number {
    let first = Infinity
    for (const { dueMs } of this.#pending.values()) first = Math.min(first, dueMs)
    return Math.max(first, this.#saidAtMs + ANNOUNCE_INTERVAL_MS)
  }

  /** A document has changed. */
  add(id: string, heads: readonly string[], isOwn: boolean, nowMs: number): void {
    const before = this.#pending.get(id)
    const spaced = (this.#saidAtMsById.get(id) ?? -Infinity) + DOCUMENT_ANNOUNCE_INTERVAL_MS
    const delayMs = isOwn ? 0 : NEWS_DELAY_MS + this.#random() * NEWS_SPREAD_MS
    // What has waited does not wait anew: somebody who types all the time would never be heard of.
    const dueMs = Math.min(before?.dueMs ?? Infinity, Math.max(nowMs + delayMs, spaced))
    const few = heads.toSorted().slice(0, MAX_ANNOUNCED_HEADS)
    if (few.length === 0) return
    const isOfOwn = isOwn || (before?.isOwn ?? false)
    const pending: Pending = { heads: few, dueMs, isOwn: isOfOwn, heardFrom: new Set() }
    setBounded(this.#pending, id, pending, MAX_PENDING_ANNOUNCEMENTS)
  }

  /** Somebody else has announced it. */
  heard({ id, heads }: AnnouncedDocument, author: PeerId): void {
    const pending = this.#pending.get(id)
    if (pending === undefined || pending.isOwn || pending.heads.join() !== heads.join()) return
    pending.heardFrom.add(author)
    if (pending.heardFrom.size >= ENOUGH_HOLDERS) this.#pending.delete(id)
  }

  /** What to announce now; empty when nothing is due. */
  take(nowMs: number): readonly AnnouncedDocument[] {
    if (this.dueMs > nowMs) return []
    const due = [...this.#pending].filter(([, { dueMs }]) => dueMs <= nowMs)
    const taken = due.slice(0, MAX_ANNOUNCED_DOCUMENTS)
    for (const [id] of taken) {
      this.#pending.delete(id)
      setBounded(this.#saidAtMsById, id, nowMs, MAX_PENDING_ANNOUNCEMENTS)
    }
    this.#saidAtMs = nowMs
    return taken.map(([id, { heads }]) => ({ id, heads }))
  }
}
