import type { AbortOptions } from '@vudo/transport'
import { NetworkError } from './errors.ts'
import { MAX_CHANNEL_MESSAGE_BYTES, MAX_WAITING_SENDS } from './limits.ts'
import type { Session } from './session.ts'

/** How a channel or a session ended. */
export interface EndReason {
  /** Why it ended early; `undefined` when both ends were done, or this end closed it. */
  readonly error?: NetworkError | undefined
}

/**
 * An ordered pipe of messages to one peer, for one protocol. It outlives the
 * connection below: each message arrives once and in order, or the channel ends
 * with an error. Iterating gives the messages; leaving the loop does not end the
 * channel.
 */
export interface Channel extends AsyncIterable<Uint8Array> {
  readonly protocol: string
  /** The database it is for; the peer has proven to be a member. */
  readonly database: string | undefined
  readonly session: Session
  /**
   * Queues a message and settles when another one may follow: it waits while 256
   * KiB are queued, so a peer that does not read slows its writer down.
   *
   * @param message - 0 to 262,144 bytes. Copied before the call returns, or before it settles when it waits.
   * @throws `NetworkError` `ERR_CHANNEL_MESSAGE_SIZE`, `ERR_CHANNEL_CLOSED`,
   *   `ERR_LIMIT` when 1,024 calls wait, or the error with which the channel ended.
   */
  send(message: Uint8Array, options?: AbortOptions): Promise<void>
  /**
   * The next message, or `undefined` when the peer has ended its direction. What
   * came in before the end of the channel can still be read.
   *
   * The buffer belongs to the caller. One call at a time.
   *
   * @throws `NetworkError`: the error with which the channel ended.
   */
  receive(options?: AbortOptions): Promise<Uint8Array | undefined>
  /** Ends this direction after what is queued; reading goes on. Idempotent; settles when both directions have ended. */
  close(): Promise<void>
  /**
   * Ends both directions at once; what is on its way is lost.
   *
   * @param code - Told to the peer as `peerCode`: `ERR_`, capitals, digits and low
   *   lines, at most 64 characters. `ERR_CHANNEL_RESET` when left out.
   */
  reset(code?: string): void
  /** Settles, never rejects, when the channel is over. */
  readonly closed: Promise<EndReason>
  /** Bytes that were given to {@link send} and not confirmed by the peer. */
  readonly unacknowledgedBytes: number
}

/** What a channel needs of its session. */
export interface ChannelHost {
  readonly session: Session
  isWritable(id: number): boolean
  unacknowledgedBytes(id: number): number
  send(id: number, message: Uint8Array): void
  end(id: number): void
  reset(id: number, code: string): void
  consume(id: number, cost: number): void
}

interface WaitingSend {
  readonly message: Uint8Array
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Received {
  readonly bytes: Uint8Array
  readonly cost: number
}

const settled = Promise.resolve()

/** A channel as the application sees it. */
export class SessionChannel implements Channel {
  readonly id: number
  readonly protocol: string
  readonly database: string | undefined
  readonly closed: Promise<EndReason>
  readonly #host: ChannelHost
  readonly #settleClosed: (reason: EndReason) => void
  #inbox: Received[] = []
  #reader:
    | { resolve: (message: Uint8Array | undefined) => void; reject: (e: unknown) => void }
    | undefined
  #waiting: WaitingSend[] = []
  #isClosing = false
  #hasRemoteEnded = false
  #end: EndReason | undefined

  constructor(
    host: ChannelHost,
    init: { id: number; protocol: string; database: string | undefined },
  ) {
    this.#host = host
    this.id = init.id
    this.protocol = init.protocol
    this.database = init.database
    const { promise, resolve } = Promise.withResolvers<EndReason>()
    this.closed = promise
    this.#settleClosed = resolve
  }

  get session(): Session {
    return this.#host.session
  }

  get unacknowledgedBytes(): number {
    const waiting = this.#waiting.reduce((sum, { message }) => sum + message.length, 0)
    return waiting + this.#host.unacknowledgedBytes(this.id)
  }

  send(message: Uint8Array, options: AbortOptions = {}): Promise<void> {
    const refusal = this.#refusalToSend(message, options.signal)
    // The caller's own reason is passed on unchanged, whatever it is.
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    if (refusal !== undefined) return Promise.reject(refusal.reason)
    if (this.#waiting.length > 0 || !this.#host.isWritable(this.id)) {
      return this.#wait(message, options.signal)
    }
    this.#host.send(this.id, message)
    return settled
  }

  async receive({ signal }: AbortOptions = {}): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted()
    const next = this.#inbox.shift()
    if (next !== undefined) {
      this.#host.consume(this.id, next.cost)
      return next.bytes
    }
    if (this.#hasRemoteEnded) return undefined
    if (this.#end !== undefined) throw this.#endError()
    if (this.#reader !== undefined) throw new TypeError('a channel has one reader')
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>()
    this.#reader = { resolve, reject }
    if (signal === undefined) return promise
    const onAbort = (): void => {
      this.#reader = undefined
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', onAbort))
  }

  async close(): Promise<void> {
    if (!this.#isClosing && this.#end === undefined) {
      this.#isClosing = true
      if (this.#waiting.length === 0) this.#host.end(this.id)
    }
    await this.closed
  }

  reset(code = 'ERR_CHANNEL_RESET'): void {
    if (this.#end !== undefined) return
    this.#host.reset(this.id, code)
    this.end({})
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = await this.receive()
      if (message === undefined) return
      yield message
    }
  }

  /** A message came in. */
  deliver(bytes: Uint8Array, cost: number): void {
    const reader = this.#reader
    if (reader === undefined) {
      this.#inbox.push({ bytes, cost })
      return
    }
    this.#reader = undefined
    reader.resolve(bytes)
    this.#host.consume(this.id, cost)
  }

  /** The peer sends no more. */
  endRemote(): void {
    this.#hasRemoteEnded = true
    this.#reader?.resolve(undefined)
    this.#reader = undefined
  }

  /** There is room again. */
  drain(): void {
    while (this.#waiting.length > 0 && this.#host.isWritable(this.id)) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      this.#host.send(this.id, next.message)
      next.resolve()
    }
    if (this.#isClosing && this.#waiting.length === 0) this.#host.end(this.id)
  }

  /** The channel is over. */
  end(reason: EndReason): void {
    if (this.#end !== undefined) return
    this.#end = reason
    const waiting = this.#waiting
    this.#waiting = []
    for (const { reject } of waiting) reject(this.#endError())
    this.#reader?.reject(this.#endError())
    this.#reader = undefined
    this.#settleClosed(reason)
  }

  #endError(): NetworkError {
    return this.#end?.error ?? channelClosed(this.protocol)
  }

  #refusalToSend(
    message: Uint8Array,
    signal: AbortSignal | undefined,
  ): { readonly reason: unknown } | undefined {
    if (signal?.aborted) return { reason: signal.reason }
    if (this.#end !== undefined) return { reason: this.#endError() }
    if (this.#isClosing) return { reason: channelClosed(this.protocol) }
    if (message.length > MAX_CHANNEL_MESSAGE_BYTES) {
      const text = `message has ${message.length} bytes, at most ${MAX_CHANNEL_MESSAGE_BYTES} are allowed`
      const hint = 'split it, or send a reference'
      return { reason: new NetworkError('ERR_CHANNEL_MESSAGE_SIZE', text, { hint }) }
    }
    if (this.#waiting.length < MAX_WAITING_SENDS) return undefined
    const text = `${MAX_WAITING_SENDS} calls of send wait on channel "${this.protocol}"`
    return { reason: new NetworkError('ERR_LIMIT', text, { hint: 'await each send' }) }
  }

  #wait(message: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting = { message, resolve, reject }
    this.#waiting.push(waiting)
    if (signal === undefined) return promise
    const onAbort = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting)
      reject(signal.reason)
      if (this.#isClosing && this.#waiting.length === 0) this.#host.end(this.id)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', onAbort))
  }
}

function channelClosed(protocol: string): NetworkError {
  return new NetworkError('ERR_CHANNEL_CLOSED', `channel "${protocol}" is closed`)
}
