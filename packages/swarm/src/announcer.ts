import { topicToHex } from '@vudo/topic'
import {
  MAX_TOPICS,
  TransportError,
  type AbortOptions,
  type Address,
  type Topic,
  type TransportContext,
} from '@vudo/transport'
import { orAborted } from './deadline.ts'
import { MAX_REFRESH_MS, MIN_REFRESH_MS } from './limits.ts'
import type { Medium } from './medium.ts'
import type { Runtime } from './runtime.ts'

/** Makes this node findable, and keeps it so while its records expire. */
export interface Announcer {
  /**
   * Idempotent.
   *
   * @throws `TransportError` `ERR_LIMIT`, or the first error when nobody took the announcement.
   */
  announce(topic: Topic, options: AbortOptions): Promise<void>
  /** Never rejects. No harm when nothing was announced. */
  withdraw(topic: Topic): Promise<void>
  /** Withdraws all and stops the timer. */
  close(): Promise<void>
}

/** What an announcer needs. */
export interface AnnouncerInit {
  readonly medium: Medium
  readonly context: TransportContext
  readonly runtime: Runtime
  readonly addresses: () => readonly Address[]
}

/** Makes an announcer that has announced nothing. */
export function createAnnouncer(init: AnnouncerInit): Announcer {
  return new RefreshingAnnouncer(init)
}

class RefreshingAnnouncer implements Announcer {
  readonly #init: AnnouncerInit
  readonly #topicsByHex = new Map<string, Topic>()
  #cancelRefresh: (() => void) | undefined
  #refreshing: Promise<void> = Promise.resolve()

  constructor(init: AnnouncerInit) {
    this.#init = init
  }

  async announce(topic: Topic, options: AbortOptions): Promise<void> {
    options.signal?.throwIfAborted()
    const hex = topicToHex(topic)
    if (!this.#topicsByHex.has(hex) && this.#topicsByHex.size >= MAX_TOPICS) {
      throw new TransportError('ERR_LIMIT', `${MAX_TOPICS} topics are announced (MAX_TOPICS)`)
    }
    this.#topicsByHex.set(hex, topic)
    await this.#tellAll(topic, options)
  }

  async #tellAll(topic: Topic, options: AbortOptions): Promise<void> {
    const { medium, context } = this.#init
    const self = { id: context.peerId, addresses: this.#init.addresses() }
    const telling = medium.announce ? [medium.announce(topic, self, options)] : []
    // Whom nobody can dial has nothing to say to a discovery.
    if (context.discoveries.length > 0 && self.addresses.length > 0) {
      const record = context.signRecord(self.addresses)
      this.#refreshBefore(record.expiresAtMs)
      telling.push(...context.discoveries.map((it) => it.announce(topic, record, options)))
    }
    const told = Promise.allSettled(telling)
    const results = await (options.signal ? orAborted(told, options.signal) : told)
    const failure = results.find((result) => result.status === 'rejected')
    if (failure && results.every(({ status }) => status === 'rejected')) throw failure.reason
  }

  /** One timer for all: it says everything again with a new record when half the lifetime is over. */
  #refreshBefore(expiresAtMs: number): void {
    if (this.#cancelRefresh) return
    const { runtime } = this.#init
    const halfMs = (expiresAtMs - runtime.wallMs()) / 2
    const delayMs = Math.min(Math.max(halfMs, MIN_REFRESH_MS), MAX_REFRESH_MS)
    this.#cancelRefresh = runtime.setTimer(delayMs, () => {
      this.#cancelRefresh = undefined
      this.#refreshing = this.#refresh()
    })
  }

  async #refresh(): Promise<void> {
    const topics = [...this.#topicsByHex.values()]
    // A refusal now is no end: the next round comes, and peers that know us keep us.
    await Promise.allSettled(topics.map((topic) => this.#tellAll(topic, {})))
  }

  async withdraw(topic: Topic): Promise<void> {
    if (!this.#topicsByHex.delete(topicToHex(topic))) return
    const { medium, context } = this.#init
    // Where it fails the announcement expires by itself.
    await Promise.allSettled([
      medium.withdraw?.(topic),
      ...context.discoveries.map((it) => it.withdraw(topic)),
    ])
  }

  async close(): Promise<void> {
    this.#cancelRefresh?.()
    await this.#refreshing
    await Promise.all([...this.#topicsByHex.values()].map((topic) => this.withdraw(topic)))
    // The refresh that was under way may have set the timer again.
    this.#cancelRefresh?.()
  }
}
