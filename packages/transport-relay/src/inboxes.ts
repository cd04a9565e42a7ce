import { inboxTopic } from './inbox-topic.ts'
import type { RelayLink } from './relay-link.ts'

/** The inbox topics of peers that are dialled: each stays joined as long as a pipe to its peer lives. */
export interface Inboxes {
  /** @returns Leaves it again; may be called twice. */
  join(peerId: string): () => void
}

/** Joins at all of these relays. */
export function createInboxes(links: readonly Pick<RelayLink, 'topics'>[]): Inboxes {
  return new JoinedInboxes(links)
}

class JoinedInboxes implements Inboxes {
  readonly #links: readonly Pick<RelayLink, 'topics'>[]
  /** How many pipes were dialled to a peer. */
  readonly #dialled = new Map<string, number>()

  constructor(links: readonly Pick<RelayLink, 'topics'>[]) {
    this.#links = links
  }

  join(peerId: string): () => void {
    const topic = inboxTopic(peerId)
    this.#dialled.set(peerId, (this.#dialled.get(peerId) ?? 0) + 1)
    for (const { topics } of this.#links) topics.join(topic, { isListed: false, isWatching: false })
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      this.#release(peerId)
    }
  }

  #release(peerId: string): void {
    const left = (this.#dialled.get(peerId) ?? 1) - 1
    if (left > 0) {
      this.#dialled.set(peerId, left)
      return
    }
    this.#dialled.delete(peerId)
    for (const { topics } of this.#links) topics.leave(inboxTopic(peerId))
  }
}
