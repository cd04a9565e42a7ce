/*
 * Everything that knows peers, as one: the medium itself and the discoveries. What is
 * found is not proven; the handshake proves it.
 */
import {
  isPeerId,
  MAX_ADDRESS_CHARACTERS,
  type AbortOptions,
  type Address,
  type Discovery,
  type PeerId,
  type PeerInfo,
  type PeerRecord,
  type Topic,
} from '@vudo/transport'
import { orAborted } from './deadline.ts'
import { MAX_FOUND_ADDRESSES, MAX_FOUND_PEERS } from './limits.ts'
import type { Medium } from './medium.ts'

/** A peer with every address of this transport, best first, at least one. */
export interface FoundPeer {
  readonly id: PeerId
  readonly addresses: readonly Address[]
}

/** See {@link createFinder}. */
export interface Finder {
  /**
   * Asks all once.
   *
   * @throws The first error, when nobody could answer at all.
   */
  lookup(topic: Topic, options: AbortOptions): Promise<FoundPeer[]>
  /** Calls `onFound` for every peer found from now on. Settles, never rejects, when the signal fires. */
  watch(topic: Topic, signal: AbortSignal, onFound: (peer: FoundPeer) => void): Promise<void>
  /** The addresses under which a peer was last found; empty when it never was. */
  addressesOf(id: PeerId): readonly Address[]
}

/** Makes a finder that leaves out `self`, and addresses of other transports. */
export function createFinder(
  medium: Medium,
  discoveries: readonly Discovery[],
  self: PeerId,
): Finder {
  return new AllSources(medium, discoveries, self)
}

class AllSources implements Finder {
  readonly #medium: Medium
  readonly #discoveries: readonly Discovery[]
  readonly #self: PeerId
  /** Oldest first; at most MAX_FOUND_PEERS. */
  readonly #addressesByPeer = new Map<PeerId, readonly Address[]>()

  constructor(medium: Medium, discoveries: readonly Discovery[], self: PeerId) {
    this.#medium = medium
    this.#discoveries = discoveries
    this.#self = self
  }

  async lookup(topic: Topic, options: AbortOptions): Promise<FoundPeer[]> {
    options.signal?.throwIfAborted()
    const answers = await orMaybeAborted(Promise.allSettled(this.#ask(topic, options)), options)
    const failure = answers.find((answer) => answer.status === 'rejected')
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (failure && answers.every(({ status }) => status === 'rejected')) throw failure.reason
    return mergeByPeer(found).flatMap((peer) => this.#accept(peer))
  }

  #ask(topic: Topic, options: AbortOptions): Promise<readonly FoundPeer[]>[] {
    const questions = this.#discoveries.map(async (discovery) => {
      const records = await discovery.lookup(topic, options)
      return records.map((record) => this.#fromRecord(record))
    })
    const medium = this.#medium
    if (!medium.lookup) return questions
    const question = medium
      .lookup(topic, options)
      .then((peers) => peers.map((peer) => this.#fromInfo(peer)))
    return [question, ...questions]
  }

  async watch(
    topic: Topic,
    signal: AbortSignal,
    onFound: (peer: FoundPeer) => void,
  ): Promise<void> {
    const take = (peer: FoundPeer): void => {
      for (const accepted of this.#accept(peer)) onFound(accepted)
    }
    const news = this.#medium.watch?.(topic, { signal })
    await Promise.all([
      ...(news
        ? [follow(news, signal, (peer) => take(this.#withKnown(this.#fromInfo(peer))))]
        : []),
      ...this.#discoveries.map((discovery) =>
        follow(discovery.watch(topic, { signal }), signal, (record) => {
          take(this.#fromRecord(record))
        }),
      ),
    ])
  }

  addressesOf(id: PeerId): readonly Address[] {
    return this.#addressesByPeer.get(id) ?? []
  }

  #fromRecord({ peerId, addresses }: PeerRecord): FoundPeer {
    const prefix = `${this.#medium.name}://`
    return { id: peerId, addresses: addresses.filter((address) => address.startsWith(prefix)) }
  }

  /** A medium that finds by peer id alone is dialled by peer id. */
  #fromInfo({ id, address }: PeerInfo): FoundPeer {
    return { id, addresses: [address ?? `${this.#medium.name}://${id}`] }
  }

  /** A medium tells one address at a time: the others of the peer hold on. */
  #withKnown({ id, addresses }: FoundPeer): FoundPeer {
    return { id, addresses: [...new Set([...this.addressesOf(id), ...addresses])] }
  }

  /** The peer, remembered, or nothing: found text is checked before it goes anywhere. */
  #accept({ id, addresses }: FoundPeer): FoundPeer[] {
    const usable = addresses
      .filter((address) => address.length <= MAX_ADDRESS_CHARACTERS)
      .slice(-MAX_FOUND_ADDRESSES)
    if (!isPeerId(id) || id === this.#self || usable.length === 0) return []
    this.#addressesByPeer.delete(id)
    this.#addressesByPeer.set(id, usable)
    const [oldest] = this.#addressesByPeer.keys()
    if (this.#addressesByPeer.size > MAX_FOUND_PEERS && oldest !== undefined) {
      this.#addressesByPeer.delete(oldest)
    }
    return [{ id, addresses: usable }]
  }
}

async function follow<T>(
  news: AsyncIterable<T>,
  signal: AbortSignal,
  onItem: (item: T) => void,
): Promise<void> {
  try {
    for await (const item of news) {
      if (signal.aborted) return
      onItem(item)
    }
  } catch {
    // A source that fails must not stop the others; the lookups go on without it.
  }
}

function orMaybeAborted<T>(work: Promise<T>, { signal }: AbortOptions): Promise<T> {
  return signal ? orAborted(work, signal) : work
}

/** One entry for each peer, with the addresses of all. */
function mergeByPeer(found: readonly FoundPeer[]): FoundPeer[] {
  const addressesByPeer = new Map<PeerId, Set<Address>>()
  for (const { id, addresses } of found) {
    const known = addressesByPeer.get(id) ?? new Set()
    for (const address of addresses) known.add(address)
    addressesByPeer.set(id, known)
  }
  return [...addressesByPeer].map(([id, addresses]) => ({ id, addresses: [...addresses] }))
}
