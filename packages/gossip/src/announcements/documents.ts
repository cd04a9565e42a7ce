/** Runs the news of documents over a topic of gossip, for whoever owns documents and sessions. */
import { publicPart, type Session } from '@vudo/network'
import type { Address, PeerId } from '@vudo/transport'
import { isLocal } from '../address-trust.ts'
import { isGossipError } from '../errors.ts'
import type { Gossip, GossipMessage, GossipTopic } from '../gossip.ts'
import { followTopic } from '../topic-reach.ts'
import { WakeTimer } from '../wake-timer.ts'
import { DocumentNews, type NewsEffect, type NewsInput } from './document-news.ts'
import { decodeDocuments, encodeDocuments } from './document-wire.ts'

/** Where documents are announced. */
export const DOCUMENTS_TOPIC = 'vudo/documents/1'

/** What {@link createDocumentAnnouncer} takes. */
export interface DocumentAnnouncerInit {
  /** Stays the caller's. */
  readonly gossip: Gossip
  /** Where this node can be reached now. */
  readonly addresses: () => readonly Address[]
  /** Tells whether documents flow between this node and that peer already. */
  readonly isConnected: (peerId: PeerId) => boolean
  /**
   * Tells whether all of `heads` (hex) are in the history of the document (32 characters of
   * hex) here. What it rejects with counts as yes: nothing is pulled.
   */
  readonly hasHeads: (id: string, heads: readonly string[]) => Promise<boolean>
  /**
   * The session with a neighbour. What comes over none, or over one that is not of a private
   * network, is not believed private addresses: they could name any machine in this node's network.
   *
   * @defaultValue none
   */
  readonly sessionOf?: ((peerId: PeerId) => Session | undefined) | undefined
  /** Makes a session with a peer that has something; what it rejects with is a try in vain. */
  readonly connect: (peerId: PeerId, addresses: readonly Address[]) => Promise<unknown>
  /** A clock that never goes back, in milliseconds. @defaultValue `performance.now` */
  readonly now?: (() => number) | undefined
  /** From 0 to below 1, for moments and choices. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined
}

/** Tells others of changed documents, and pulls what others tell of. */
export interface DocumentAnnouncer {
  /** States of documents that are known to be elsewhere, and may be missing here. */
  readonly wantedCount: number
  /** Announcements that were malformed. */
  readonly ignored: number
  /**
   * A document has changed here. Whether others may hear of it is asked by the caller before.
   *
   * @param id - 32 characters of hex.
   * @param heads - Hashes of its newest changes, 64 characters of hex each.
   * @param isOwn - Written here, and not by a peer.
   */
  changed(id: string, heads: readonly string[], isOwn: boolean): void
  /** Leaves the topic; what was asked for is not waited for. Idempotent. */
  close(): void
}

/**
 * Begins to announce documents and to listen.
 *
 * @throws `GossipError` as `Gossip.join`.
 */
export function createDocumentAnnouncer(init: DocumentAnnouncerInit): DocumentAnnouncer {
  return new Announcer(init)
}

class Announcer implements DocumentAnnouncer {
  readonly #init: DocumentAnnouncerInit
  readonly #topic: GossipTopic
  readonly #news: DocumentNews
  readonly #timer: WakeTimer
  readonly #stop: () => void
  readonly #now: () => number
  #ignored = 0
  #isClosed = false

  constructor(init: DocumentAnnouncerInit) {
    this.#init = init
    const { gossip, isConnected, now, random } = init
    this.#now = now ?? (() => performance.now())
    this.#news = new DocumentNews({ isConnected, random: random ?? (() => Math.random()) })
    this.#timer = new WakeTimer(this.#now, () => this.#handle({ type: 'tick' }))
    this.#topic = gossip.join(DOCUMENTS_TOPIC)
    this.#stop = followTopic(gossip, this.#topic, {
      onMessage: (message) => this.#receive(message),
      // Documents themselves are compared with each new neighbour.
      onReach: () => {},
    })
  }

  get wantedCount(): number {
    return this.#news.wantedCount
  }

  get ignored(): number {
    return this.#ignored
  }

  changed(id: string, heads: readonly string[], isOwn: boolean): void {
    this.#handle({ type: 'changed', id, heads, isOwn })
  }

  close(): void {
    this.#isClosed = true
    this.#timer.close()
    this.#stop()
    this.#topic.leave()
  }

  #receive({ author, bytes, from }: GossipMessage): void {
    try {
      const { addresses, documents } = decodeDocuments(bytes)
      const message = { addresses: this.#believed(addresses, from), documents }
      this.#handle({ type: 'message', author, message })
    } catch (error) {
      if (!isGossipError(error)) throw error
      // The author's fault, which costs nobody else anything.
      this.#ignored += 1
    }
  }

  /** Those among an author's addresses that are dialled, as of third peers in the overlay. */
  #believed(addresses: readonly Address[], from: PeerId): readonly Address[] {
    const session = this.#init.sessionOf?.(from)
    if (session !== undefined && isLocal(session, this.#init.addresses())) return addresses
    return addresses.flatMap((address) => publicPart(address) ?? [])
  }

  #handle(input: NewsInput): void {
    if (this.#isClosed) return
    const effects = this.#news.handle(input, this.#now())
    const { wakeAtMs } = this.#news
    this.#timer.set(wakeAtMs === Infinity ? undefined : wakeAtMs)
    for (const effect of effects) void this.#do(effect)
  }

  async #do(effect: NewsEffect): Promise<void> {
    if (effect.type === 'publish') return this.#publish(effect)
    if (effect.type === 'look') {
      const { id, heads } = effect
      const isHere = await this.#init.hasHeads(id, heads).catch(() => true)
      return this.#handle({ type: 'looked', id, heads, isHere })
    }
    const { peerId, addresses } = effect
    await this.#init.connect(peerId, addresses).catch(() => {
      // Another holder, or the same one later.
    })
    this.#handle({ type: 'dialled', peerId })
  }

  async #publish({ documents }: NewsEffect & { type: 'publish' }): Promise<void> {
    try {
      await this.#topic.publish(encodeDocuments({ addresses: this.#init.addresses(), documents }))
    } catch (error) {
      if (!isGossipError(error)) throw error
      // Closed meanwhile: documents flow between neighbours anyway.
    }
  }
}
