import { hmacSha256 } from '@vudo/identity'
import type { AbortOptions, PeerId } from '@vudo/transport'
import { bytesToBase32 } from '@vudo/wire'
import { AuthorWindow } from './author-window.ts'
import { GossipError } from './errors.ts'
import { FaultBook } from './fault-book.ts'
import type { Gossip, GossipCounters, GossipInit, GossipTopic } from './gossip.ts'
import { JoinedTopic } from './joined-topic.ts'
import { GRAYLIST_SCORE, MAX_TOPIC_BYTES, MAX_TOPICS } from './limits.ts'
import { NeighbourLinks } from './neighbour-links.ts'
import { OverlayLinks } from './overlay-links.ts'
import { parseGossipOptions, type GossipSettings } from './options.ts'
import { Router, type RoutedMessage } from './router.ts'

const utf8 = new TextEncoder()

/** What turns a topic's name into what stands in frames. */
const topicTag = 'vudo/gossip/1/topic/'

/** Bytes of a topic's hash: 24 characters in every message. */
const topicHashBytes = 15

/**
 * Begins to gossip among the members of a database: with every session that shares it, as
 * they come and go.
 *
 * @throws `TypeError` when the network gossips in this database already, `RangeError` for
 *   options out of their range.
 */
export async function createGossip(init: GossipInit): Promise<Gossip> {
  const settings = parseGossipOptions(init.options)
  if (init.key.peerId !== init.network.peerId) {
    throw new TypeError('the key is not that of the network')
  }
  const gossip = new DatabaseGossip(init, settings)
  await gossip.start()
  return gossip
}

class DatabaseGossip implements Gossip {
  readonly database: string
  readonly #init: GossipInit
  readonly #settings: GossipSettings
  readonly #topics = new Map<string, JoinedTopic>()
  readonly #topicsByWireName = new Map<string, JoinedTopic>()
  readonly #authors = new AuthorWindow()
  readonly #faults = new FaultBook()
  readonly #ended = Promise.withResolvers<never>()
  readonly #counts = { delivered: 0, published: 0, refused: 0 }
  #router: Router | undefined
  #links: NeighbourLinks | undefined
  #overlay: OverlayLinks | undefined
  #isClosed = false

  constructor(init: GossipInit, settings: GossipSettings) {
    this.#init = init
    this.#settings = settings
    this.database = init.database
    // Who waits for it hears of it; nobody need wait.
    this.#ended.promise.catch(() => {})
  }

  async start(): Promise<void> {
    const { network, key, database } = this.#init
    const faults = this.#faults
    const { now } = this.#settings
    const router = await Router.create({
      seed: key.seed,
      accept: (author, sequence) => this.#accept(author, sequence),
      deliver: (message) => this.#deliver(message),
      faultsOf: (peerId) => faults.faultsOf(peerId, now()),
      onHeartbeat: () => this.#judge(),
    })
    this.#router = router
    try {
      const onBan = (peerId: PeerId): void => this.#overlay?.ban(peerId)
      this.#links = new NeighbourLinks({ network, database, router, faults, now, onBan })
      if (this.#settings.keepsSessions) this.#overlay = this.#startOverlay()
    } catch (error) {
      await router.stop()
      throw error
    }
  }

  #startOverlay(): OverlayLinks {
    const { network, database } = this.#init
    const { activePeers, now, random } = this.#settings
    return new OverlayLinks({
      network,
      database,
      activePeers,
      now,
      random,
      isBanned: (peerId) => this.#faults.isBanned(peerId, now()),
      onFault: (peerId) => this.#links?.punish(peerId),
    })
  }

  get neighbours(): readonly PeerId[] {
    return this.#links?.peers ?? []
  }

  get counters(): GossipCounters {
    const links = this.#links?.counters ?? { faults: 0, banned: 0, sentBytes: 0, unsent: 0 }
    return { ...this.#counts, ...links }
  }

  join(name: string): GossipTopic {
    const router = this.#open()
    const present = this.#topics.get(name)
    if (present !== undefined) return present.use()
    const { length } = utf8.encode(name)
    if (length === 0 || length > MAX_TOPIC_BYTES) {
      throw new RangeError(`topic has ${length} bytes, expected 1 to ${MAX_TOPIC_BYTES}`)
    }
    if (this.#topics.size >= MAX_TOPICS) {
      throw new GossipError('ERR_GOSSIP_LIMIT', `${MAX_TOPICS} topics are joined`, {
        hint: 'leave one, or put more into one topic',
      })
    }
    const wireName = topicToWireName(this.database, name)
    const { bufferSize } = this.#settings
    const topic = new JoinedTopic(this.#host(router), { name, wireName, bufferSize })
    this.#topics.set(name, topic)
    this.#topicsByWireName.set(wireName, topic)
    router.subscribe(wireName)
    return topic.use()
  }

  #host(router: Router): ConstructorParameters<typeof JoinedTopic>[0] {
    return {
      publish: async ({ wireName }, bytes) => {
        this.#counts.published += 1
        return router.publish(wireName, bytes)
      },
      peers: ({ wireName }) => router.subscribers(wireName),
      leave: (topic) => {
        this.#topics.delete(topic.name)
        this.#topicsByWireName.delete(topic.wireName)
        router.unsubscribe(topic.wireName)
      },
    }
  }

  async whenPeers(name: string, count: number, options: AbortOptions = {}): Promise<void> {
    const router = this.#open()
    const { signal } = options
    signal?.throwIfAborted()
    const wireName = topicToWireName(this.database, name)
    const reached = Promise.withResolvers<void>()
    const look = (): void => {
      if (router.subscribers(wireName).length >= count) reached.resolve()
    }
    const stop = router.onSubscription(look)
    const onAbort = (): void => reached.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      look()
      await Promise.race([reached.promise, this.#ended.promise])
    } finally {
      stop()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  scoreOf(peerId: PeerId): number | undefined {
    return this.#router?.scoreOf(peerId)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#ended.reject(new GossipError('ERR_GOSSIP_CLOSED', 'gossip was closed'))
    for (const topic of this.#topics.values()) {
      this.#router?.unsubscribe(topic.wireName)
      topic.end()
    }
    this.#topics.clear()
    this.#topicsByWireName.clear()
    await this.#links?.finish()
    this.#overlay?.close()
    this.#links?.close()
    await this.#router?.stop()
  }

  #open(): Router {
    if (this.#router === undefined || this.#isClosed) {
      throw new GossipError('ERR_GOSSIP_CLOSED', 'gossip was closed', { hint: 'make a new one' })
    }
    return this.#router
  }

  #accept(author: PeerId, sequence: bigint): boolean {
    const isOwn = author === this.#init.key.peerId
    const isNew = !isOwn && this.#authors.accept(author, sequence, this.#settings.now(), Date.now())
    if (!isNew) this.#counts.refused += 1
    return isNew
  }

  #deliver({ topic, ...message }: RoutedMessage): void {
    const joined = this.#topicsByWireName.get(topic)
    if (joined === undefined) return
    this.#counts.delivered += 1
    joined.push(message)
  }

  /** Ends the sessions of neighbours whose score is beyond repair. */
  #judge(): void {
    for (const peerId of this.neighbours) {
      const score = this.#router?.scoreOf(peerId) ?? 0
      if (score < GRAYLIST_SCORE) this.#links?.ban(peerId)
    }
  }
}

/** Names the database too: a message signed for one is worth nothing in another. */
export function topicToWireName(database: string, topic: string): string {
  const hash = hmacSha256(utf8.encode(database), utf8.encode(topicTag + topic))
  return bytesToBase32(hash.subarray(0, topicHashBytes))
}
