/** All relays of a node, as one medium of a swarm. */
import { createNodeKey } from '@vudo/identity'
import type { Accept, Announcement, Medium, MediumDialOptions, Runtime } from '@vudo/swarm'
import {
  MAX_MESSAGE_BYTES,
  TransportError,
  type AbortOptions,
  type Address,
  type Link,
  type PeerInfo,
  type Topic,
  type TransportContext,
  type TransportFeatures,
} from '@vudo/transport'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import { inboxTopic } from './inbox-topic.ts'
import { createInboxes, type Inboxes } from './inboxes.ts'
import { INSTANCE_BYTES, LISTEN_WAIT_MS, LOOKUP_WAIT_MS } from './limits.ts'
import { createNews, type News } from './news.ts'
import { formatRelayAddress, parseRelayAddress, type RelayTarget } from './relay-address.ts'
import { createRelayLink, type RelayLink } from './relay-link.ts'
import type { RelayPipe } from './relay-pipe.ts'
import type { ConnectSocket } from './socket.ts'
import { keyOf } from './wire.ts'

/** What a medium is made of. */
export interface RelayMediumInit {
  readonly context: TransportContext
  readonly targets: readonly RelayTarget[]
  readonly connect: ConnectSocket
  readonly runtime: Runtime
}

/** Makes a medium that is connected to nothing yet. */
export function createRelayMedium(init: RelayMediumInit): Medium {
  return new RelayMedium(init)
}

/** The tag of the proof to a relay. */
const proofTag = 'vudo/relay-challenge/1'
/** The reset reason of a relay that does not know the far end. */
const unknownReason = 1

const features: TransportFeatures = {
  maxMessageBytes: MAX_MESSAGE_BYTES,
  provesPeer: false,
  discovers: true,
  dials: true,
  relays: true,
}

/** What the handshake of a pipe needs. */
interface SecureOptions extends Pick<MediumDialOptions, 'expected' | 'signal'> {
  /** This node at the relay of the pipe. */
  readonly near: string
  readonly initiator: boolean
  readonly address: Address
}

interface TopicUse {
  isListed: boolean
  watchers: number
}

class RelayMedium implements Medium {
  readonly name = 'relay'
  readonly features = features
  readonly #init: RelayMediumInit
  readonly #links: readonly RelayLink[]
  readonly #pipes = new Set<RelayPipe>()
  readonly #uses = new Map<string, TopicUse>()
  readonly #watchers = new Set<(topic: string, peer: PeerInfo) => void>()
  readonly #inboxes: Inboxes
  readonly #news: News
  readonly #closing = new AbortController()
  #accept: Accept | undefined

  constructor(init: RelayMediumInit) {
    const { context, targets, connect, runtime } = init
    this.#init = init
    this.#news = createNews(runtime, this.#closing.signal)
    const key = createNodeKey(context.seed)
    this.#links = targets.map((target) => {
      const link: RelayLink = createRelayLink({
        target,
        // Another one for each: two names of one relay, or two relays that are joined, would
        // otherwise take one for the other, and close the older one again and again.
        endpoint: context.peerId + bytesToHex(runtime.randomBytes(INSTANCE_BYTES)),
        sign: (message) => key.sign(proofTag, message),
        connect,
        runtime,
        onIncoming: (pipe) => this.#arrived(link, pipe),
        onMember: (topic, endpoint) => {
          if (this.#isOwn(endpoint)) return
          const peer = this.#peerAt(link, endpoint)
          for (const watcher of this.#watchers) watcher(topic, peer)
        },
        onNews: () => this.#news.tell(),
      })
      link.topics.join(inboxTopic(context.peerId), { isListed: false, isWatching: false })
      return link
    })
    this.#inboxes = createInboxes(this.#links)
  }

  /** This node as another of its relays sees it. */
  #isOwn(endpoint: string): boolean {
    return keyOf(endpoint) === this.#init.context.peerId
  }

  #peerAt({ host }: RelayLink, endpoint: string): PeerInfo {
    return { id: keyOf(endpoint), address: formatRelayAddress({ host, endpoint }) }
  }

  async listen(accept: Accept, { signal }: AbortOptions): Promise<readonly Address[]> {
    this.#accept = accept
    for (const link of this.#links) link.start()
    const isSettled = (): boolean =>
      this.#links.some((link) => link.isConnected) ||
      this.#links.every((link) => link.lastingError !== undefined)
    await this.#news.until(isSettled, { ms: LISTEN_WAIT_MS, signal })
    const refusal = this.#links.every((link) => link.lastingError) && this.#links[0]?.lastingError
    if (refusal) throw refusal
    // Also of relays that are away: they are expected back.
    return this.#links.map(({ host, endpoint }) => formatRelayAddress({ host, endpoint }))
  }

  #arrived(link: RelayLink, pipe: RelayPipe): void {
    this.#keep(pipe)
    const { host, endpoint: near } = link
    const address = formatRelayAddress({ host, endpoint: pipe.endpoint })
    if (!this.#accept) return void pipe.close()
    this.#accept({
      // There is no IP address here: without a count for each key, one of them takes all places.
      remoteAddress: keyOf(pipe.endpoint),
      address,
      open: (signal) => this.#secure(pipe, { near, initiator: false, signal, address }),
      refuse: () => void pipe.close(),
    })
  }

  #keep(pipe: RelayPipe): void {
    this.#pipes.add(pipe)
    void pipe.ended.then(() => this.#pipes.delete(pipe))
  }

  /** Both ends bind the handshake to the pipe: what a relay splices into it fails. */
  #secure(
    pipe: RelayPipe,
    { near, initiator, signal, expected, address }: SecureOptions,
  ): Promise<Link> {
    const ends = [hexToBytes(near), hexToBytes(pipe.endpoint)]
    const binding = concatBytes(...(initiator ? ends : ends.toReversed()), pipe.id)
    const path = { transport: this.name, relayed: true, address }
    return this.#init.context.secure(pipe, { initiator, signal, expected, binding, path })
  }

  async dial(address: Address, { signal, expected }: MediumDialOptions): Promise<Link> {
    const { host, endpoint } = parseRelayAddress(address)
    const link = this.#links.find((one) => one.host === host)
    if (!link) {
      throw new TransportError('ERR_DIAL_FAILED', `${host} is no relay of this node`, {
        hint: 'both nodes need a relay in common: add it here',
      })
    }
    if (this.#isOwn(endpoint)) throw selfError()
    const release = this.#inboxes.join(keyOf(endpoint))
    try {
      await this.#untilReachable(link, endpoint, signal)
      const pipe = link.open(endpoint)
      this.#keep(pipe)
      void pipe.ended.then(release)
      const near = link.endpoint
      return await this.#secured(pipe, { near, signal, expected, address, initiator: true })
    } catch (error) {
      release()
      throw error
    }
  }

  async #untilReachable(link: RelayLink, endpoint: string, signal: AbortSignal): Promise<void> {
    const topic = inboxTopic(keyOf(endpoint))
    const isReachable = (): boolean =>
      link.isConnected &&
      (link.topics.knows(endpoint) || link.topics.isComplete(topic) || link.topics.isOver(topic))
    const calm = link.hurry()
    try {
      await this.#news.until(isReachable, { ms: LOOKUP_WAIT_MS, signal })
    } finally {
      calm()
    }
    // Where the two share another topic, the inbox is not needed.
    if (link.topics.isOver(topic) && !link.topics.knows(endpoint)) throw topicLimitError()
  }

  async #secured(pipe: RelayPipe, options: SecureOptions): Promise<Link> {
    try {
      return await this.#secure(pipe, options)
    } catch (error) {
      if (pipe.resetReason !== unknownReason) throw error
      throw new TransportError('ERR_DIAL_FAILED', 'the relay does not know that peer', {
        cause: error,
        hint: 'it may have gone, or be at another relay',
      })
    }
  }

  async announce(topic: Topic, _self: Announcement, { signal }: AbortOptions): Promise<void> {
    const use = this.#use(topic)
    use.isListed = true
    this.#apply(topic)
    await this.#news.until(() => this.#isAnswered(topic) !== false, { ms: LOOKUP_WAIT_MS, signal })
    if (!this.#isOver(topic)) return
    await this.withdraw(topic)
    throw topicLimitError()
  }

  withdraw(topic: Topic): Promise<void> {
    this.#use(topic).isListed = false
    this.#apply(topic)
    return Promise.resolve()
  }

  #use(topic: Topic): TopicUse {
    const hex = bytesToHex(topic)
    const use = this.#uses.get(hex) ?? { isListed: false, watchers: 0 }
    this.#uses.set(hex, use)
    return use
  }

  /** Tells the relays how a topic is used now. */
  #apply(topic: Topic): void {
    const { isListed, watchers } = this.#use(topic)
    if (!isListed && watchers === 0) this.#uses.delete(bytesToHex(topic))
    for (const { topics } of this.#links) {
      if (isListed || watchers > 0) topics.join(topic, { isListed, isWatching: watchers > 0 })
      else topics.leave(topic)
    }
  }

  /** Whether every relay that is there has answered; `undefined` when none is there. */
  #isAnswered(topic: Topic): boolean | undefined {
    const connected = this.#links.filter((link) => link.isConnected)
    if (connected.length === 0) return undefined
    return connected.every(({ topics }) => topics.isComplete(topic) || topics.isOver(topic))
  }

  /** Whether there are relays, and none of them has a place for the topic. */
  #isOver(topic: Topic): boolean {
    const connected = this.#links.filter((link) => link.isConnected)
    return connected.length > 0 && connected.every(({ topics }) => topics.isOver(topic))
  }

  async lookup(topic: Topic, { signal }: AbortOptions): Promise<readonly PeerInfo[]> {
    for (const link of this.#links) link.start()
    this.#use(topic).watchers += 1
    this.#apply(topic)
    try {
      await this.#news.until(() => this.#isAnswered(topic) === true, { ms: LOOKUP_WAIT_MS, signal })
      if (this.#isAnswered(topic) === undefined) throw this.#nobodyThere()
      if (this.#isOver(topic)) throw topicLimitError()
      return this.#found(topic)
    } finally {
      this.#use(topic).watchers -= 1
      this.#apply(topic)
    }
  }

  #nobodyThere(): TransportError {
    const [first] = this.#links
    return new TransportError('ERR_DIAL_FAILED', 'no relay is connected', {
      cause: first?.lastError,
      hint: 'is the relay running, and does the network let it through?',
    })
  }

  #found(topic: Topic): PeerInfo[] {
    return this.#links.flatMap((link) =>
      link.topics
        .members(topic)
        .filter((endpoint) => !this.#isOwn(endpoint))
        .map((endpoint) => this.#peerAt(link, endpoint)),
    )
  }

  async *watch(topic: Topic, { signal }: AbortOptions): AsyncGenerator<PeerInfo, void, undefined> {
    const hex = bytesToHex(topic)
    const queue: PeerInfo[] = this.#found(topic)
    let wake: (() => void) | undefined
    const watcher = (where: string, peer: PeerInfo): void => {
      if (where !== hex) return
      queue.push(peer)
      wake?.()
    }
    const signals = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])])
    const onAbort = (): void => wake?.()
    signals.addEventListener('abort', onAbort)
    this.#watchers.add(watcher)
    this.#use(topic).watchers += 1
    this.#apply(topic)
    try {
      while (!signals.aborted) {
        yield* queue.splice(0)
        if (queue.length > 0 || signals.aborted) continue
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      signals.removeEventListener('abort', onAbort)
      this.#watchers.delete(watcher)
      this.#use(topic).watchers -= 1
      this.#apply(topic)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#pipes].map((pipe) => pipe.close()))
    await Promise.all(this.#links.map((link) => link.close()))
  }
}

function selfError(): TransportError {
  return new TransportError('ERR_PEER_SELF', 'the address holds the key of this node', {
    hint: 'do not dial your own address, and do not copy a key to a second device',
  })
}

function topicLimitError(): TransportError {
  return new TransportError('ERR_LIMIT', 'the relay takes no more topics of this node', {
    hint: 'leave one, add a second relay, or have its operator raise --max-topics',
  })
}
