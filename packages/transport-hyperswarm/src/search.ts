import type { Query, UdpAddress } from 'hyperdht'
import type { Runtime } from '@vudo/swarm'
import type { AbortOptions, PeerId, PeerInfo, Topic } from '@vudo/transport'
import { spread } from './announcements.ts'
import { formatHyperswarmAddress } from './hyperswarm-address.ts'
import {
  FIRST_LOOK_DELAY_MS,
  FULL_REPLY_PEERS,
  MAX_KNOWN_RELAYS,
  MAX_LOOK_DELAY_MS,
  MAX_LOOKUP_PEERS,
  MAX_LOOKUP_ROUNDS,
  MAX_QUERY_RETRIES,
  MAX_RELAYS_PER_PEER,
} from './limits.ts'
import { guarded, type Dht } from './query.ts'

/** Finds who is announced under a topic. */
export interface Search {
  /**
   * Asks once.
   *
   * @throws `TransportError` `ERR_DIAL_FAILED` when no node of the DHT answered.
   */
  lookup(topic: Topic, options: AbortOptions): Promise<readonly PeerInfo[]>
  /** Asks again and again: after 0.5 to 1 s, then twice as late each time, up to ten minutes. */
  watch(topic: Topic, signal: AbortSignal): AsyncIterable<PeerInfo>
  /** Lets those who watch `topic` look now: this node has just been announced there. */
  wake(topic: Topic): void
  /** Nodes of the DHT that are said to know the peer; empty when it was not found lately. */
  relayAddressesOf(peerId: PeerId): readonly UdpAddress[]
}

/** Makes a search of one node. */
export function createSearch(dht: Dht, runtime: Runtime): Search {
  return new DhtSearch(dht, runtime)
}

class DhtSearch implements Search {
  readonly #dht: Dht
  readonly #runtime: Runtime
  /** Oldest first. */
  readonly #relaysByPeer = new Map<PeerId, readonly UdpAddress[]>()

  /** What ends the rest of those who watch, by the topic in hex. */
  readonly #wakersByTopic = new Map<string, Set<() => void>>()

  constructor(dht: Dht, runtime: Runtime) {
    this.#dht = dht
    this.#runtime = runtime
  }

  async lookup(topic: Topic, { signal }: AbortOptions): Promise<readonly PeerInfo[]> {
    signal?.throwIfAborted()
    const found = new Set<PeerId>()
    let isCutShort = true
    for (let round = 0; round < MAX_LOOKUP_ROUNDS && isCutShort; round++) {
      const before = found.size
      const query = this.#dht.lookup(Buffer.from(topic), { retries: MAX_QUERY_RETRIES })
      // One round after the other: the next is needed only when this one was cut short.
      // oxlint-disable-next-line no-await-in-loop
      isCutShort = await guarded(query, signal, () => this.#collect(query, found))
      isCutShort &&= found.size > before && found.size < MAX_LOOKUP_PEERS
    }
    return [...found].map((id) => ({ id, address: formatHyperswarmAddress(id) }))
  }

  /** True when a node of the DHT gave as many as it ever gives: a random choice of those it knows. */
  async #collect(query: Query, found: Set<PeerId>): Promise<boolean> {
    let isCutShort = false
    for await (const { peers } of query) {
      isCutShort ||= peers.length >= FULL_REPLY_PEERS
      for (const { publicKey, relayAddresses } of peers) {
        if (found.size >= MAX_LOOKUP_PEERS) return true
        const id = publicKey.toString('hex')
        found.add(id)
        this.#remember(id, relayAddresses)
      }
    }
    return isCutShort
  }

  #remember(id: PeerId, relayAddresses: readonly UdpAddress[]): void {
    this.#relaysByPeer.delete(id)
    this.#relaysByPeer.set(id, relayAddresses.slice(0, MAX_RELAYS_PER_PEER))
    const [oldest] = this.#relaysByPeer.keys()
    if (this.#relaysByPeer.size > MAX_KNOWN_RELAYS && oldest !== undefined) {
      this.#relaysByPeer.delete(oldest)
    }
  }

  relayAddressesOf(peerId: PeerId): readonly UdpAddress[] {
    return this.#relaysByPeer.get(peerId) ?? []
  }

  async *watch(topic: Topic, signal: AbortSignal): AsyncGenerator<PeerInfo, void, undefined> {
    let delayMs = FIRST_LOOK_DELAY_MS
    while (!signal.aborted) {
      // One look after the other: that bounds the traffic.
      // oxlint-disable-next-line no-await-in-loop
      const isOver = await this.#rest(topic, spread(delayMs, this.#runtime), signal)
      if (isOver) delayMs = Math.min(2 * delayMs, MAX_LOOK_DELAY_MS)
      // oxlint-disable-next-line no-await-in-loop
      if (!signal.aborted) yield* await this.#tryLookup(topic, signal)
    }
  }

  async #tryLookup(topic: Topic, signal: AbortSignal): Promise<readonly PeerInfo[]> {
    try {
      return await this.lookup(topic, { signal })
    } catch {
      // Given up, or nobody answers now: the next look is to come.
      return []
    }
  }

  wake(topic: Topic): void {
    const hex = Buffer.from(topic).toString('hex')
    for (const wake of this.#wakersByTopic.get(hex) ?? []) wake()
  }

  /** True when time is over, false when it was ended before. */
  async #rest(topic: Topic, delayMs: number, signal: AbortSignal): Promise<boolean> {
    const hex = Buffer.from(topic).toString('hex')
    const wakers = this.#wakersByTopic.get(hex) ?? new Set()
    this.#wakersByTopic.set(hex, wakers)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const wake = (): void => resolve(false)
    const cancel = this.#runtime.setTimer(delayMs, () => resolve(true))
    wakers.add(wake)
    signal.addEventListener('abort', wake, { once: true })
    try {
      return await promise
    } finally {
      cancel()
      wakers.delete(wake)
      if (wakers.size === 0) this.#wakersByTopic.delete(hex)
      signal.removeEventListener('abort', wake)
    }
  }
}
