import {
  TransportError,
  UNSHARED_GRACE_MS,
  type AbortOptions,
  type CloseReason,
  type Connection,
  type ConnectionPath,
  type Link,
  type LinkMessage,
  type PeerId,
  type Pipe,
  type Topic,
} from '@vudo/transport'
import { encodeControl, NONCE_BYTES, type ByeReason } from './control-messages.ts'
import { orAborted, startDeadline } from './deadline.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { BYE_TIMEOUT_MS, UPDATE_INTERVAL_MS } from './limits.ts'
import type { Runtime } from './runtime.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'
import { createTopicExchange, type ExchangeEffect, type TopicExchange } from './topic-exchange.ts'

/** A connection as the swarm sees it: what the application sees, and its topics. */
export interface SwarmConnection extends Connection {
  /** False once it has ended or was told to. */
  readonly isOpen: boolean
  /** True when the application closed it without a reason: it wants no redial. */
  readonly isDismissed: boolean
  /** Says hello and names the topics. Nothing else may be sent before. */
  start(topics: Iterable<Topic>): void
  join(topic: Topic): void
  leave(topic: Topic): void
  /** Takes the topic in hex. */
  isShared(topic: string): boolean
  /** Says why, waits for that a little, and closes. */
  dismiss(error: TransportError, bye: ByeReason): Promise<void>
}

/** What a connection is made of. */
export interface SwarmConnectionInit {
  readonly link: Link
  readonly self: PeerId
  readonly maxMessageBytes: number
  readonly runtime: Runtime
  /** Both ends have joined `topic` (hex). */
  readonly onShared: (topic: string, connection: SwarmConnection) => void
  readonly onEnded: (connection: SwarmConnection) => void
}

/** Takes over a link and reads from it until it ends. */
export function createSwarmConnection(init: SwarmConnectionInit): SwarmConnection {
  return new LinkConnection(init)
}

class LinkConnection implements SwarmConnection {
  readonly peerId: PeerId
  readonly path: ConnectionPath
  readonly closed: Promise<CloseReason>
  readonly openPipe?: (options?: AbortOptions) => Promise<Pipe>
  readonly #init: SwarmConnectionInit
  readonly #link: Link
  readonly #inbox: Inbox
  readonly #exchange: TopicExchange
  readonly #updates: TokenBucket
  #error: TransportError | undefined
  /** True once this end has decided to close; what the link still brings is dropped. */
  #isOver = false
  #hasEnded = false
  #isReading = false
  #isUpdating = false
  #isDismissed = false
  #cancelGrace: (() => void) | undefined
  #cancelUpdate: (() => void) | undefined

  constructor(init: SwarmConnectionInit) {
    const { link, self, runtime } = init
    this.#init = init
    this.#link = link
    this.peerId = link.peerId
    this.path = link.path
    if (link.openPipe) this.openPipe = link.openPipe.bind(link)
    this.#inbox = createInbox(this.#read)
    const nowMs = runtime.nowMs()
    const nonce = runtime.randomBytes(NONCE_BYTES)
    this.#exchange = createTopicExchange({ self, peer: link.peerId, nonce, nowMs })
    this.#updates = createTokenBucket(1_000 / UPDATE_INTERVAL_MS, nowMs)
    this.closed = link.closed.then((reason) => this.#ended(reason))
  }

  get isOpen(): boolean {
    return !this.#isOver && !this.#hasEnded
  }

  get isDismissed(): boolean {
    return this.#isDismissed
  }

  start(topics: Iterable<Topic>): void {
    for (const topic of topics) this.#exchange.join(topic)
    this.#update()
    this.#watchGrace()
    this.#read()
  }

  join(topic: Topic): void {
    this.#apply(this.#exchange.join(topic))
    this.#update()
  }

  leave(topic: Topic): void {
    this.#apply(this.#exchange.leave(topic))
    this.#update()
  }

  isShared(topic: string): boolean {
    return this.#exchange.isShared(topic)
  }

  send(message: Uint8Array, options?: AbortOptions): Promise<void> {
    const bytes = message.byteLength
    if (bytes > 0 && bytes <= this.#init.maxMessageBytes && !this.#error) {
      return this.#link.send(message, options)
    }
    return Promise.reject(this.#error ?? sizeError(bytes, this.#init.maxMessageBytes))
  }

  receive(options?: AbortOptions): Promise<Uint8Array | undefined> {
    return this.#inbox.take(options)
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      // One message after the other is the point.
      // oxlint-disable-next-line no-await-in-loop
      const message = await this.#inbox.take()
      if (message === undefined) return
      yield message
    }
  }

  async close(reason?: Error): Promise<void> {
    if (this.isOpen && reason === undefined) this.#isDismissed = true
    this.#isOver = true
    this.#inbox.end()
    await this.#link.close(reason)
    await this.closed
  }

  async dismiss(error: TransportError, bye: ByeReason): Promise<void> {
    if (!this.isOpen) return
    this.#isOver = true
    this.#error = error
    this.#inbox.end(error)
    await this.#sayBye(bye)
    await this.#closeLink(error)
  }

  async #closeLink(error: Error): Promise<void> {
    try {
      await this.#link.close(error)
    } catch {
      // How the end went does not change that it is over; `closed` says why.
    }
  }

  /** The far end may not read: then it learns of the end by the end. */
  async #sayBye(reason: ByeReason): Promise<void> {
    const limit = startDeadline(this.#init.runtime, BYE_TIMEOUT_MS, byeTimeout, [])
    try {
      const bye = this.#link.sendControl(encodeControl([{ kind: 'bye', reason }]))
      await orAborted(bye, limit.signal)
    } catch {
      // Either out of time or the link is gone: closing it, which follows, says the rest.
    } finally {
      limit.release()
    }
  }

  /** The one loop that reads the link. No closure per message: this is the hot path. */
  readonly #read = (): void => {
    if (this.#isReading || this.#isOver || !this.#inbox.hasRoom) return
    this.#isReading = true
    this.#link.receive().then(this.#onMessage, this.#onReadError)
  }

  readonly #onMessage = (message: LinkMessage | undefined): void => {
    this.#isReading = false
    if (this.#isOver) return
    if (message === undefined) return this.#inbox.end(this.#error)
    if (message.isControl) {
      this.#apply(this.#exchange.receive(message.bytes, this.#init.runtime.nowMs()))
    } else if (this.#exchange.hasHello) {
      this.#inbox.put(message.bytes)
    } else {
      this.#apply([{ type: 'end', error: noHello(), bye: 'protocol' }])
    }
    this.#read()
  }

  readonly #onReadError = (error: Error): void => {
    this.#isReading = false
    this.#inbox.end(this.#error ?? error)
  }

  #apply(effects: readonly ExchangeEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'shared') this.#init.onShared(effect.topic, this)
      if (effect.type === 'end') this.#endWith(effect.error, effect.bye)
    }
    this.#watchGrace()
  }

  #endWith(error: TransportError, bye: ByeReason | undefined): void {
    if (bye !== undefined) return void this.dismiss(error, bye)
    this.#isOver = true
    this.#error = error
    this.#inbox.end(error)
    void this.#closeLink(error)
  }

  /** Bounds how long a connection lives without a topic that both ends joined. */
  #watchGrace(): void {
    const needsGrace = this.isOpen && this.#exchange.sharedCount === 0
    if (!needsGrace) {
      this.#cancelGrace?.()
      this.#cancelGrace = undefined
      return
    }
    this.#cancelGrace ??= this.#init.runtime.setTimer(UNSHARED_GRACE_MS, () => {
      void this.dismiss(noSharedTopic(), 'no-shared-topic')
    })
  }

  /**
   * Tells the peer what has changed: one update at a time, so that a peer that does
   * not read costs one message, and no more often than it tolerates.
   */
  readonly #update = (): void => {
    if (this.#isUpdating || !this.isOpen) return
    if (!this.#updates.take(this.#init.runtime.nowMs())) {
      this.#cancelUpdate?.()
      this.#cancelUpdate = this.#init.runtime.setTimer(UPDATE_INTERVAL_MS, this.#update)
      return
    }
    const message = this.#exchange.takeUpdate()
    if (!message) return
    this.#isUpdating = true
    void this.#sendUpdate(message)
  }

  async #sendUpdate(message: Uint8Array): Promise<void> {
    try {
      await this.#link.sendControl(message)
    } catch {
      // The link has ended, which `link.closed` tells; there is nobody left to update.
      return
    }
    this.#isUpdating = false
    this.#update()
  }

  #ended(reason: CloseReason): CloseReason {
    this.#hasEnded = true
    this.#watchGrace()
    this.#cancelUpdate?.()
    this.#init.onEnded(this)
    return this.#error ? { clean: false, error: this.#error } : reason
  }
}

function sizeError(bytes: number, maxBytes: number): TransportError {
  return new TransportError(
    'ERR_MESSAGE_SIZE',
    `message has ${bytes} bytes, expected 1 to ${maxBytes}`,
  )
}

function noHello(): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', 'peer sent data before its hello')
}

function noSharedTopic(): TransportError {
  return new TransportError(
    'ERR_NO_SHARED_TOPIC',
    `the two ends shared no topic for ${UNSHARED_GRACE_MS} ms`,
    { hint: 'join the same topic on both ends' },
  )
}

function byeTimeout(): Error {
  return new TransportError('ERR_CONNECTION_LOST', `goodbye took more than ${BYE_TIMEOUT_MS} ms`)
}
