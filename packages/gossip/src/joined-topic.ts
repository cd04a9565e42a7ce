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

/** A topic as the application sees it: a bounded queue of messages, and a way to add to it elsewhere. */
export class JoinedTopic implements GossipTopic {
  readonly name: string
  /** What it is called in frames. */
  readonly wireName: string
  readonly #host: TopicHost
  readonly #bufferSize: number
  #messages: GossipMessage[] = []
  #waiting: ((result: IteratorResult<GossipMessage, undefined>) => void) | undefined
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

  get peers(): readonly PeerId[] {
    return this.#isEnded ? [] : this.#host.peers(this)
  }

  get dropped(): number {
    return this.#dropped
  }

  async publish(bytes: Uint8Array): Promise<number> {
    if (this.#isEnded) throw new GossipError('ERR_GOSSIP_CLOSED', `topic "${this.name}" was left`)
    if (bytes.length === 0 || bytes.length > MAX_PAYLOAD_BYTES) {
      const text = `payload has ${bytes.length} bytes, expected 1 to ${MAX_PAYLOAD_BYTES}`
      throw new GossipError('ERR_GOSSIP_PAYLOAD_SIZE', text, { hint: 'publish a reference' })
    }
    return this.#host.publish(this, bytes.slice())
  }

  leave(): void {
    if (this.#isEnded) return
    this.#host.leave(this)
    this.end()
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
    this.#waiting?.({ done: true, value: undefined })
    this.#waiting = undefined
  }

  [Symbol.asyncIterator](): AsyncIterator<GossipMessage, undefined> {
    return { next: () => this.#next(), return: async () => ({ done: true, value: undefined }) }
  }

  #next(): Promise<IteratorResult<GossipMessage, undefined>> {
    const message = this.#messages.shift()
    if (message !== undefined) return Promise.resolve({ done: false, value: message })
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    if (this.#waiting !== undefined) throw new TypeError('a topic has one reader')
    const { promise, resolve } = Promise.withResolvers<IteratorResult<GossipMessage, undefined>>()
    this.#waiting = resolve
    return promise
  }
}
