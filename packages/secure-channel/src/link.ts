/**
 * A link over a pipe whose handshake is complete: reads and writes records, and ends
 * in one of three ways: our goodbye, theirs, or a failure. It knows no cryptography.
 */
import {
  isTransportError,
  TransportError,
  type AbortOptions,
  type CloseReason,
  type ConnectionPath,
  type Link,
  type LinkMessage,
  type PeerId,
  type Pipe,
} from '@vudo/transport'
import { isSecureChannelError, SecureChannelError } from './errors.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { CLOSE_TIMEOUT_MS, MAX_CONTROL_BYTES } from './limits.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { free } from './record-buffers.ts'
import { maxLinkMessageBytes, type RecordOpener, type RecordSealer } from './records.ts'

/** What a link is made of. */
export interface LinkInit {
  readonly pipe: Pipe
  readonly peerId: PeerId
  readonly path: ConnectionPath
  readonly sealer: RecordSealer
  readonly opener: RecordOpener
  /** How long to wait for the far end's goodbye. @defaultValue 1,000 */
  readonly closeTimeoutMs?: number | undefined
}

/** Takes the pipe over and begins to read. */
export function createLink(init: LinkInit): Link {
  const link = new RecordLink(init)
  link.start()
  return link
}

class RecordLink implements Link {
  readonly peerId: PeerId
  readonly path: ConnectionPath
  readonly closed: Promise<CloseReason>
  readonly #pipe: Pipe
  readonly #opener: RecordOpener
  readonly #closeTimeoutMs: number
  readonly #maxMessageBytes: number
  readonly #inbox: Inbox = createInbox()
  readonly #outbox: Outbox
  readonly #closed = Promise.withResolvers<CloseReason>()
  /** Settles when nothing more comes from the pipe that we would want. */
  readonly #readEnd = Promise.withResolvers<'goodbye' | 'broken'>()
  /** The one way in which this link ends; the first wins. */
  #ending: Promise<void> | undefined

  constructor(init: LinkInit) {
    this.peerId = init.peerId
    this.path = init.path
    this.closed = this.#closed.promise
    this.#pipe = init.pipe
    this.#opener = init.opener
    this.#closeTimeoutMs = init.closeTimeoutMs ?? CLOSE_TIMEOUT_MS
    this.#maxMessageBytes = maxLinkMessageBytes(init.pipe.maxMessageBytes)
    this.#outbox = createOutbox(init.sealer, init.pipe, (error) => this.#fail(error))
  }

  start(): void {
    void this.#read()
  }

  async send(bytes: Uint8Array, options?: AbortOptions): Promise<void> {
    assertSize(bytes, this.#maxMessageBytes)
    await this.#outbox.send({ isControl: false, bytes }, options?.signal)
  }

  async sendControl(bytes: Uint8Array): Promise<void> {
    assertSize(bytes, Math.min(MAX_CONTROL_BYTES, this.#maxMessageBytes))
    await this.#outbox.send({ isControl: true, bytes })
  }

  receive(options?: AbortOptions): Promise<LinkMessage | undefined> {
    return this.#inbox.receive(options?.signal)
  }

  close(reason?: Error): Promise<void> {
    return (this.#ending ??= this.#sayGoodbye(reason))
  }

  /** Never rejects. After our own goodbye it goes on, to hear the far end's, and what it reads is thrown away. */
  async #read(): Promise<void> {
    try {
      for (;;) {
        await this.#inbox.room()
        const record = await this.#pipe.receive()
        if (record === undefined) throw truncated()
        const { messages, isClose } = this.#opener.open(record)
        // The pipe gave it away, and what was opened is in memory of its own.
        free(record)
        if (isClose) break
        this.#inbox.push(messages)
      }
      this.#readEnd.resolve('goodbye')
      this.#ending ??= this.#answerGoodbye()
    } catch (error) {
      this.#fail(error)
    }
  }

  async #sayGoodbye(reason: Error | undefined): Promise<void> {
    const error = closedError(reason)
    this.#inbox.discard(error)
    let isTold = false
    const farewell = this.#outbox.finish(error).then(
      () => {
        isTold = true
        return this.#readEnd.promise
      },
      // The pipe broke before: there is nobody to tell, and `clean` will say so.
      () => 'broken',
    )
    const broken = this.#readEnd.promise.then((end) => (end === 'broken' ? end : farewell))
    await within(this.#closeTimeoutMs, Promise.race([farewell, broken]))
    await this.#release({ clean: isTold, error: reason }, error)
  }

  async #answerGoodbye(): Promise<void> {
    this.#inbox.end()
    const error = closedError()
    // The far end reads nothing after its goodbye, so what waits here would be lost.
    this.#outbox.drop(error)
    // It has said what it had to say: whether our answer reaches it changes nothing.
    const answered = this.#outbox.finish(error).catch(() => {})
    await within(this.#closeTimeoutMs, answered)
    await this.#release({ clean: true }, error)
  }

  /** Nothing happens when the link is ending already: what breaks then was going to be closed. */
  #fail(cause: unknown): void {
    if (this.#ending) {
      this.#readEnd.resolve('broken')
      return
    }
    const error = failureOf(cause)
    this.#inbox.end(error)
    this.#ending = this.#release({ clean: false, error }, error)
  }

  async #release(reason: CloseReason, error: Error): Promise<void> {
    this.#outbox.stop(error)
    // A pipe that cannot even be closed has nothing left to release.
    await this.#pipe.close().catch(() => {})
    this.#closed.resolve(reason)
  }
}

function assertSize(bytes: Uint8Array, maxBytes: number): void {
  if (bytes.length >= 1 && bytes.length <= maxBytes) return
  throw new TransportError(
    'ERR_MESSAGE_SIZE',
    `message has ${bytes.length} bytes, expected 1 to ${maxBytes}`,
    { hint: 'Split what is larger than features.maxMessageBytes.' },
  )
}

/** Settles with `promise` or after `timeoutMs`, whichever is first, and leaves no timer. */
async function within(timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  const { promise: timeout, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timeoutMs)
  await Promise.race([promise, timeout])
  clearTimeout(timer)
}

function truncated(): SecureChannelError {
  return new SecureChannelError(
    'ERR_CHANNEL_TRUNCATED',
    "the pipe ended without the peer's goodbye",
  )
}

function closedError(cause?: Error): TransportError {
  return new TransportError('ERR_CONNECTION_CLOSED', 'the connection is closed', { cause })
}

/** A cut can be the network's fault; bytes that do not open, or open to nonsense, are the peer's. */
function failureOf(cause: unknown): TransportError {
  if (isTransportError(cause) && cause.code === 'ERR_CONNECTION_LOST') return cause
  if (isSecureChannelError(cause) && cause.code !== 'ERR_CHANNEL_TRUNCATED') {
    return new TransportError(
      'ERR_PEER_PROTOCOL',
      `the peer broke the protocol: ${cause.message}`,
      {
        cause,
      },
    )
  }
  return new TransportError('ERR_CONNECTION_LOST', 'the connection broke', { cause })
}
