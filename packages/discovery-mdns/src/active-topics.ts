/** The topics that are announced, watched or looked up here: each as long as somebody needs it. */
import { topicToHex } from '@vudo/topic'
import type { PeerId, PeerRecord, Topic } from '@vudo/transport'
import { DiscoveryError } from './errors.ts'
import { MAX_ACTIVE_TOPICS, MAX_WATCHES } from './limits.ts'
import { recordKey } from './sealed-record.ts'
import { createTagTable } from './tags.ts'
import type { TokenBucket } from './token-bucket.ts'

/** A topic that is announced, watched or looked up. */
export interface ActiveTopic {
  readonly topic: Topic
  readonly hex: string
  readonly key: Uint8Array
  /** What is announced here, by node. */
  readonly announcements: Map<PeerId, Announcement>
  /** Changed by the table only: it counts them. */
  readonly listeners: Set<Listener>
}

/** What is announced of one node. */
export interface Announcement {
  readonly record: PeerRecord
  /** Bytes of an answer with this record. */
  readonly cost: number
  readonly answers: TokenBucket
}

/** Somebody who waits for records of a topic. */
export interface Listener {
  /** A record that was not known. */
  onNews(record: PeerRecord): void
  /** Any record, known ones too. */
  onHeard?(): void
  onClose(): void
}

/** Every active topic. */
export class ActiveTopics {
  readonly #onGone: (hex: string) => void
  readonly #topicsByHex = new Map<string, ActiveTopic>()
  readonly #tags = createTagTable<ActiveTopic>()
  #listenerCount = 0

  /** @param onGone - Told of each topic that nobody needs any more. */
  constructor(onGone: (hex: string) => void) {
    this.#onGone = onGone
  }

  all(): Iterable<ActiveTopic> {
    return this.#topicsByHex.values()
  }

  /** The topic, if it is active. */
  get(topic: Topic): ActiveTopic | undefined {
    return this.#topicsByHex.get(topicToHex(topic))
  }

  /** Whose tag of about this hour it is. */
  find(tag: string, nowMs: number): ActiveTopic | undefined {
    return this.#tags.find(tag, nowMs)
  }

  /**
   * Makes a topic active; {@link release} ends that, when no announcement and no listener is left.
   *
   * @throws `DiscoveryError` `ERR_DISCOVERY_LIMIT`.
   */
  activate(topic: Topic): ActiveTopic {
    const hex = topicToHex(topic)
    const known = this.#topicsByHex.get(hex)
    if (known) return known
    if (this.#topicsByHex.size >= MAX_ACTIVE_TOPICS) {
      throw limitError(`${MAX_ACTIVE_TOPICS} topics are active`)
    }
    const own = topic.slice()
    const active: ActiveTopic = {
      topic: own,
      hex,
      key: recordKey(own),
      announcements: new Map(),
      listeners: new Set(),
    }
    this.#topicsByHex.set(hex, active)
    this.#tags.add(own, active)
    return active
  }

  /** Forgets a topic that nobody needs any more. */
  release(active: ActiveTopic): void {
    if (active.announcements.size > 0 || active.listeners.size > 0) return
    if (this.#topicsByHex.get(active.hex) !== active) return
    this.#topicsByHex.delete(active.hex)
    this.#tags.delete(active)
    this.#onGone(active.hex)
  }

  /** @throws `DiscoveryError` `ERR_DISCOVERY_LIMIT`. */
  addListener(active: ActiveTopic, listener: Listener): void {
    if (this.#listenerCount >= MAX_WATCHES) throw limitError(`${MAX_WATCHES} watches are active`)
    this.#listenerCount++
    active.listeners.add(listener)
  }

  /** Forgets a listener, and the topic if it was the last who needed it. */
  removeListener(active: ActiveTopic, listener: Listener): void {
    if (active.listeners.delete(listener)) this.#listenerCount--
    this.release(active)
  }
}

function limitError(what: string): DiscoveryError {
  return new DiscoveryError('ERR_DISCOVERY_LIMIT', what, {
    hint: 'leave topics, or end watches, that are no longer needed',
  })
}
