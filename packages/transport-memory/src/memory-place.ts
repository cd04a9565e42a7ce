import type { Accept, Announcement, Medium } from '@vudo/swarm'
import {
  MAX_MESSAGE_BYTES,
  type AbortOptions,
  type Address,
  type PeerId,
  type PeerInfo,
  type Pipe,
  type Topic,
  type TransportFeatures,
} from '@vudo/transport'
import type { MemoryMedium } from './memory-medium.ts'
import type { MemoryPipe } from './memory-pipe.ts'

/** One node's place on a shared medium: all that a transport has to bring of its own. */
export function joinMedium(shared: MemoryMedium, self: PeerId): Medium {
  return new MemoryPlace(shared, self)
}

class MemoryPlace implements Medium {
  readonly name = 'memory'
  /** A pipe proves nothing, so the swarm secures it, which also cuts large messages to the pipe's size. */
  readonly features: TransportFeatures = {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    provesPeer: false,
    discovers: true,
    dials: true,
  }
  readonly #shared: MemoryMedium
  readonly #self: PeerId
  /** What `close` has to undo. */
  readonly #pipes = new Set<MemoryPipe>()
  readonly #topics = new Set<string>()
  #address: Address | undefined

  constructor(shared: MemoryMedium, self: PeerId) {
    this.#shared = shared
    this.#self = self
  }

  listen(accept: Accept): Promise<readonly Address[]> {
    // No remoteAddress: peers in one process are told apart by their keys alone.
    this.#address = this.#shared.listen((pipe) => {
      accept({ open: async () => this.#keep(pipe), refuse: () => void pipe.close() })
    })
    return Promise.resolve([this.#address])
  }

  async dial(address: Address): Promise<Pipe> {
    return this.#keep(this.#shared.call(address))
  }

  #keep(pipe: MemoryPipe): Pipe {
    this.#pipes.add(pipe)
    void pipe.ended.then(() => this.#pipes.delete(pipe))
    return pipe
  }

  async announce(topic: Topic, { id, addresses }: Announcement): Promise<void> {
    this.#topics.add(topicToKey(topic))
    this.#shared.announce(topicToKey(topic), { id, address: addresses[0] })
  }

  async withdraw(topic: Topic): Promise<void> {
    this.#topics.delete(topicToKey(topic))
    this.#shared.withdraw(topicToKey(topic), this.#self)
  }

  async lookup(topic: Topic): Promise<PeerInfo[]> {
    return this.#shared.lookup(topicToKey(topic))
  }

  async *watch(topic: Topic, { signal }: AbortOptions): AsyncIterable<PeerInfo> {
    // By id: however long nobody asks, a peer takes one place.
    const news = new Map<PeerId, PeerInfo>()
    let wake = Promise.withResolvers<void>()
    const onAbort = (): void => {
      wake.resolve()
    }
    const stop = this.#shared.watch(topicToKey(topic), (peer) => {
      news.set(peer.id, peer)
      wake.resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      for (;;) {
        if (signal?.aborted) return
        const peers = [...news.values()]
        news.clear()
        yield* peers
        // oxlint-disable-next-line no-await-in-loop -- waiting for the next is what this is for
        await wake.promise
        wake = Promise.withResolvers()
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      stop()
    }
  }

  async close(): Promise<void> {
    if (this.#address !== undefined) this.#shared.hangUp(this.#address)
    for (const topic of this.#topics) this.#shared.withdraw(topic, this.#self)
    await Promise.all([...this.#pipes].map((pipe) => pipe.close()))
  }
}

function topicToKey(topic: Topic): string {
  return topic.join()
}
