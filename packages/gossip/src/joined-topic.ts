import type { PeerId } from '@vudo/transport'
import { GossipError } from './errors.ts'
import type { GossipMessage, GossipTopic } from './gossip.ts'
import { MAX_PAYLOAD_BYTES } from './limits.ts'

/** What a topic needs of its gossip. */
export interface TopicHost {
  publish(topic: JoinedTopic, bytes: Uint8Array): Promise<number>
  peers(topic: JoinedTopic): readonly PeerId[]
  leave(topic: JoinedTopic): void
}

/** A topic that was joined once or more: a bounded queue of messages, and a way to add to it elsewhere. */
export class JoinedTopic {
  readonly name: string
  /** What it is called in frames. */
  readonly wireName: string
  readonly #host: TopicHost
  readonly #bufferSize: number
  #messages: GossipMessage[] = []
  #waiting: ((result: IteratorResult<GossipMessage, undefined>) => void) | undefined
  #reader: TopicReader | undefined
  #uses = 0
  #dropped = 0
  #isEnded = false

  constructor(
    host: TopicHost,
    init: { readonly name: string; readonly wireName: string; readonly bufferSize: number },
  ) {
    this.#host = host
    this.name = init.name
    this.wireName = init.wireName
    this.#bufferSize = init.bufferSize
  }

  /** One more who has joined it: the topic is left when all of them have left it. */
  use(): GossipTopic {
    this.#uses += 1
    return new TopicUse(this)
  }

  /** One of them goes. */
  release(): void {
    this.#uses -= 1
    if (this.#uses > 0 || this.#isEnded) return
    this.#host.leave(this)
    this.end()
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get peers(): readonly PeerId[] {
    return this.#isEnded ? [] : this.#host.peers(this)
  }

  get dropped(): number {
    return this.#dropped
  }

  async publish(bytes: Uint8Array): Promise<number> {
    if (bytes.length === 0 || bytes.length > MAX_PAYLOAD_BYTES) {
      const text = `payload has ${bytes.length} bytes, expected 1 to ${MAX_PAYLOAD_BYTES}`
      throw new GossipError('ERR_GOSSIP_PAYLOAD_SIZE', text, { hint: 'publish a reference' })
    }
    return this.#host.publish(this, bytes.slice())
  }

  /** A message came in. */
  push(message: GossipMessage): void {
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#waiting = undefined
      waiting({ done: false, value: message })
      return
    }
    this.#messages.push(message)
    if (this.#messages.length <= this.#bufferSize) return
    this.#messages.shift()
    this.#dropped += 1
  }

  /** Nothing more comes. */
  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  /** Makes this the reader. @throws `GossipError` `ERR_GOSSIP_READER` when there is another one. */
  claim(reader: TopicReader): void {
    if (this.#reader !== undefined) throw secondReader(this.name)
    this.#reader = reader
  }

  /** The reader goes; what has not been read waits for the next one. */
  unclaim(reader: TopicReader): void {
    if (this.#reader !== reader) return
    this.#reader = undefined
    this.#wake()
  }

  /** Whoever waits hears that there is nothing more. */
  #wake(): void {
    this.#waiting?.({ done: true, value: undefined })
    this.#waiting = undefined
  }

  next(reader: TopicReader): Promise<IteratorResult<GossipMessage, undefined>> {
    if (this.#reader !== reader) return Promise.resolve({ done: true, value: undefined })
    const message = this.#messages.shift()
    if (message !== undefined) return Promise.resolve({ done: false, value: message })
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    if (this.#waiting !== undefined) return Promise.reject(secondReader(this.name))
    const { promise, resolve } = Promise.withResolvers<IteratorResult<GossipMessage, undefined>>()
    this.#waiting = resolve
    return promise
  }
}

/** What one `join` gave: it is left by itself, whoever else has joined the same topic. */
class TopicUse implements GossipTopic {
  readonly #topic: JoinedTopic
  #reader: TopicReader | undefined
  #isLeft = false

  constructor(topic: JoinedTopic) {
    this.#topic = topic
  }

  get name(): string {
    return this.#topic.name
  }

  get peers(): readonly PeerId[] {
    return this.#isLeft ? [] : this.#topic.peers
  }

  get dropped(): number {
    return this.#topic.dropped
  }

  async publish(bytes: Uint8Array): Promise<number> {
    if (this.#isLeft || this.#topic.isEnded) throw left(this.name)
    return this.#topic.publish(bytes)
  }

  leave(): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#topic.release()
    // The last one may still read what has come in.
    if (!this.#topic.isEnded) this.#reader?.end()
  }

  [Symbol.asyncIterator](): AsyncIterator<GossipMessage, undefined> {
    if (this.#isLeft && !this.#topic.isEnded) throw left(this.name)
    const reader = new TopicReader(this.#topic)
    this.#reader = reader
    return reader
  }
}

/** Reads a topic, alone, until it returns. */
class TopicReader implements AsyncIterator<GossipMessage, undefined> {
  readonly #topic: JoinedTopic

  constructor(topic: JoinedTopic) {
    topic.claim(this)
    this.#topic = topic
  }

  next(): Promise<IteratorResult<GossipMessage, undefined>> {
    return this.#topic.next(this)
  }

  async return(): Promise<IteratorResult<GossipMessage, undefined>> {
    this.end()
    return { done: true, value: undefined }
  }

  end(): void {
    this.#topic.unclaim(this)
  }
}

function left(name: string): GossipError {
  return new GossipError('ERR_GOSSIP_CLOSED', `topic "${name}" was left`, { hint: 'join it again' })
}

function secondReader(name: string): GossipError {
  return new GossipError('ERR_GOSSIP_READER', `topic "${name}" is read already`, {
    hint: 'read it in one place, or end that loop first; topics of vudo/ are read by this package',
  })
}
