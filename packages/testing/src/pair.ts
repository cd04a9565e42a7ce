import {
  TransportError,
  MAX_MESSAGE_BYTES,
  type AbortOptions,
  type CloseReason,
  type Connection,
  type ConnectionPath,
  type PeerId,
  type Pipe,
} from '@vudo/transport'
import { PAIR_BUFFER_BYTES } from './limits.ts'

/** What a pair takes. */
export interface PairOptions {
  /**
   * Largest message in bytes.
   *
   * @defaultValue 1 MiB, `MAX_MESSAGE_BYTES`
   */
  readonly maxMessageBytes?: number | undefined
  /**
   * Bytes that one direction holds unread before `send` stays pending.
   *
   * @defaultValue 64 KiB
   */
  readonly maxBufferedBytes?: number | undefined
}

/** What a pair of connections takes. */
export interface ConnectionPairOptions extends PairOptions {
  /** Who stands at the first and the second end. @defaultValue 64 times `a`, and 64 times `b` */
  readonly peerIds?: readonly [PeerId, PeerId] | undefined
}

/** Two connections, and the way to break the wire between them. */
export interface ConnectionPair {
  /** The end that dialled. */
  readonly first: Connection
  readonly second: Connection
  /** Breaks it without a goodbye: both ends reject with `ERR_CONNECTION_LOST`, what is under way is lost. */
  cut(): void
}

/** Two ends of one message pipe in memory, with back-pressure; nothing is proven. What was sent before a close still arrives. */
export function createPipePair(options: PairOptions = {}): [Pipe, Pipe] {
  const { first, second } = createConnectionPair(options)
  const { maxMessageBytes = MAX_MESSAGE_BYTES } = options
  return [pipeOf(first, maxMessageBytes), pipeOf(second, maxMessageBytes)]
}

function pipeOf(connection: Connection, maxMessageBytes: number): Pipe {
  return {
    maxMessageBytes,
    send: (message) => connection.send(message),
    receive: (options) => connection.receive(options),
    close: () => connection.close(),
  }
}

/**
 * Two connected ends in memory, with the contract's back-pressure and errors, for
 * tests of what uses connections. The peer ids are what the test says, proven by nobody.
 */
export function createConnectionPair(options: ConnectionPairOptions = {}): ConnectionPair {
  const { peerIds = ['a'.repeat(64), 'b'.repeat(64)] } = options
  const { maxMessageBytes = MAX_MESSAGE_BYTES, maxBufferedBytes = PAIR_BUFFER_BYTES } = options
  const [there, back] = [new Lane(maxBufferedBytes), new Lane(maxBufferedBytes)]
  const end = (outbound: boolean): PairEnd =>
    new PairEnd({
      peerId: outbound ? peerIds[1] : peerIds[0],
      path: { transport: 'pair', relayed: false, outbound },
      maxMessageBytes,
      outgoing: outbound ? there : back,
      incoming: outbound ? back : there,
    })
  const [first, second] = [end(true), end(false)]
  first.far = second
  second.far = first
  const cut = (): void => {
    const reason = lost()
    first.end({ clean: false, error: reason }, { failure: reason })
    second.end({ clean: false, error: reason }, { failure: reason })
  }
  return { first, second, cut }
}

function lost(): TransportError {
  return new TransportError('ERR_CONNECTION_LOST', 'the pair was cut')
}

/** One direction: messages that were sent and not yet received, and who waits for either. */
class Lane {
  readonly #maxBufferedBytes: number
  readonly #messages: Uint8Array[] = []
  #bufferedBytes = 0
  /** Wakes everybody who waits; each looks again for itself. */
  #changed = Promise.withResolvers<void>()
  isEnded = false
  failure: TransportError | undefined

  constructor(maxBufferedBytes: number) {
    this.#maxBufferedBytes = maxBufferedBytes
  }

  get isFull(): boolean {
    return this.#bufferedBytes >= this.#maxBufferedBytes
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  push(message: Uint8Array): void {
    this.#messages.push(message)
    this.#bufferedBytes += message.length
    this.#wake()
  }

  shift(): Uint8Array | undefined {
    const message = this.#messages.shift()
    this.#bufferedBytes -= message?.length ?? 0
    this.#wake()
    return message
  }

  end(failure: TransportError | undefined): void {
    if (this.isEnded) return
    this.isEnded = true
    this.failure = failure
    if (failure) this.#messages.length = 0
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }

  /** Settles at the next change, or rejects with the signal's reason. */
  async changed(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (!signal) return this.#changed.promise
    const aborted = Promise.withResolvers<never>()
    const abort = (): void => aborted.reject(signal.reason)
    signal.addEventListener('abort', abort)
    try {
      await Promise.race([this.#changed.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }
}

interface PairEndInit {
  readonly peerId: PeerId
  readonly path: ConnectionPath
  readonly maxMessageBytes: number
  readonly outgoing: Lane
  readonly incoming: Lane
}

class PairEnd implements Connection {
  readonly peerId: PeerId
  readonly path: ConnectionPath
  far: PairEnd | undefined
  readonly #init: PairEndInit
  readonly #closed = Promise.withResolvers<CloseReason>()
  #isClosed = false

  constructor(init: PairEndInit) {
    this.#init = init
    this.peerId = init.peerId
    this.path = init.path
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  async send(message: Uint8Array, options: AbortOptions = {}): Promise<void> {
    const { maxMessageBytes, outgoing } = this.#init
    if (message.length < 1 || message.length > maxMessageBytes) {
      throw new TransportError(
        'ERR_MESSAGE_SIZE',
        `message has ${message.length} bytes, expected 1 to ${maxMessageBytes}`,
      )
    }
    options.signal?.throwIfAborted()
    this.#assertOpen()
    outgoing.push(message.slice())
    while (outgoing.isFull && !outgoing.isEnded) await outgoing.changed(options.signal)
    if (outgoing.isEnded) this.#assertOpen()
  }

  #assertOpen(): void {
    const { outgoing } = this.#init
    if (outgoing.failure) throw outgoing.failure
    if (outgoing.isEnded) {
      throw new TransportError('ERR_CONNECTION_CLOSED', 'the connection is closed')
    }
  }

  async receive(options: AbortOptions = {}): Promise<Uint8Array | undefined> {
    const { incoming } = this.#init
    options.signal?.throwIfAborted()
    while (incoming.isEmpty && !incoming.isEnded) await incoming.changed(options.signal)
    if (incoming.failure) throw incoming.failure
    return incoming.shift()
  }

  async close(reason?: Error): Promise<void> {
    const close = reason ? { clean: true, error: reason } : { clean: true }
    this.end(close, { failure: undefined })
    this.far?.end({ clean: true }, { failure: undefined })
  }

  end(reason: CloseReason, { failure }: { failure: TransportError | undefined }): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#init.outgoing.end(failure)
    this.#init.incoming.end(failure)
    this.#closed.resolve(reason)
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      const message = await this.receive()
      if (!message) return
      yield message
    }
  }
}
