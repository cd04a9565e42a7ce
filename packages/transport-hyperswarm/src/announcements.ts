import type { KeyPair, Query, UdpAddress } from 'hyperdht'
import type { Runtime } from '@vudo/swarm'
import type { AbortOptions, Topic } from '@vudo/transport'
import {
  ANNOUNCE_INTERVAL_MS,
  FIRST_ANNOUNCE_INTERVAL_MS,
  FIRST_LOOK_DELAY_MS,
  MAX_ANNOUNCE_RETRY_MS,
  MAX_QUERY_RETRIES,
  MIN_ANNOUNCE_RETRY_MS,
  WITHDRAW_TIMEOUT_MS,
} from './limits.ts'
import { finished, type Dht } from './query.ts'

/** The topics under which this node is in the DHT, and stays. */
export interface Announcements {
  /**
   * Announces, and again: soon, while the DHT may grow, and before its nodes forget it; after a failure sooner.
   *
   * @throws `TransportError` `ERR_DIAL_FAILED` when no node of the DHT answered. It is tried again all the same.
   */
  announce(topic: Topic, options: AbortOptions): Promise<void>
  /** Takes one back. Never rejects: what cannot be taken back expires. */
  withdraw(topic: Topic): Promise<void>
  /** This machine has another network: everything is said again soon. */
  refresh(): void
  /** Stops without taking anything back. */
  close(): void
}

/** What announcements need. */
export interface AnnouncementsInit {
  readonly dht: Dht
  readonly keyPair: KeyPair
  readonly relayAddresses: () => readonly UdpAddress[]
  readonly runtime: Runtime
}

/** Makes announcements of nothing. */
export function createAnnouncements(init: AnnouncementsInit): Announcements {
  return new RepeatedAnnouncements(init)
}

interface Entry {
  readonly topic: Buffer
  failures: number
  /** Since the last failure or change of networks. */
  successes: number
  /** What an earlier run of this node left behind is taken back with the first one. */
  isFirst: boolean
  query: Query | undefined
  cancelTimer: () => void
}

class RepeatedAnnouncements implements Announcements {
  readonly #init: AnnouncementsInit
  /** By the topic in hex; the swarm bounds how many there are. */
  readonly #entriesByTopic = new Map<string, Entry>()

  constructor(init: AnnouncementsInit) {
    this.#init = init
  }

  async announce(topic: Topic, { signal }: AbortOptions): Promise<void> {
    const bytes = Buffer.from(topic)
    const hex = bytes.toString('hex')
    const entry = this.#entriesByTopic.get(hex) ?? newEntry(bytes)
    this.#entriesByTopic.set(hex, entry)
    await this.#say(entry, signal)
  }

  async #say(entry: Entry, signal: AbortSignal | undefined): Promise<void> {
    const { dht, keyPair, relayAddresses } = this.#init
    entry.cancelTimer()
    const [clear, retries] = [entry.isFirst, MAX_QUERY_RETRIES]
    entry.isFirst = false
    const query = dht.announce(entry.topic, keyPair, relayAddresses(), { clear, retries })
    entry.query = query
    try {
      await finished(query, signal)
      entry.failures = 0
      this.#sayLater(entry, this.#nextDelayMs(entry))
    } catch (error) {
      entry.successes = 0
      this.#sayLater(entry, this.#retryDelayMs(entry))
      throw error
    } finally {
      if (entry.query === query) entry.query = undefined
    }
  }

  #nextDelayMs(entry: Entry): number {
    const delayMs = FIRST_ANNOUNCE_INTERVAL_MS * 2 ** entry.successes
    entry.successes += 1
    return Math.min(delayMs, ANNOUNCE_INTERVAL_MS) * (1 + this.#init.runtime.random() / 5)
  }

  #retryDelayMs(entry: Entry): number {
    const delayMs = Math.min(MIN_ANNOUNCE_RETRY_MS * 2 ** entry.failures, MAX_ANNOUNCE_RETRY_MS)
    entry.failures += 1
    return spread(delayMs, this.#init.runtime)
  }

  #sayLater(entry: Entry, delayMs: number): void {
    if (this.#entriesByTopic.get(entry.topic.toString('hex')) !== entry) return
    entry.cancelTimer()
    entry.cancelTimer = this.#init.runtime.setTimer(delayMs, () => {
      // It has set the timer for the next try by itself.
      this.#say(entry, undefined).catch(() => undefined)
    })
  }

  refresh(): void {
    for (const entry of this.#entriesByTopic.values()) {
      entry.successes = 0
      this.#sayLater(entry, spread(FIRST_LOOK_DELAY_MS, this.#init.runtime))
    }
  }

  async withdraw(topic: Topic): Promise<void> {
    const { dht, keyPair, runtime } = this.#init
    const hex = Buffer.from(topic).toString('hex')
    const entry = this.#entriesByTopic.get(hex)
    if (!entry) return
    this.#entriesByTopic.delete(hex)
    stop(entry)
    const query = dht.lookupAndUnannounce(entry.topic, keyPair, { retries: MAX_QUERY_RETRIES })
    const cancel = runtime.setTimer(WITHDRAW_TIMEOUT_MS, () => query.destroy())
    try {
      await finished(query, undefined)
    } catch {
      // Nobody answers: what stands there expires by itself.
    } finally {
      cancel()
    }
  }

  close(): void {
    for (const entry of this.#entriesByTopic.values()) stop(entry)
    this.#entriesByTopic.clear()
  }
}

function newEntry(topic: Buffer): Entry {
  return {
    topic,
    failures: 0,
    successes: 0,
    isFirst: true,
    query: undefined,
    cancelTimer: () => undefined,
  }
}

function stop(entry: Entry): void {
  entry.cancelTimer()
  entry.query?.destroy()
}

/** Two thirds to four thirds of `delayMs`, by chance. */
export function spread(delayMs: number, runtime: Runtime): number {
  return (delayMs * (2 + 2 * runtime.random())) / 3
}
