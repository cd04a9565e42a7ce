import type { SecretStream } from 'hyperdht'
import {
  isTransportError,
  TransportError,
  type AbortOptions,
  type CloseReason,
  type ConnectionPath,
  type Link,
  type LinkMessage,
  type PeerId,
} from '@vudo/transport'
import {
  createFrameDecoder,
  decodeCredit,
  encodeCredit,
  lanes,
  PROTOCOL,
  type Frame,
} from './frames.ts'
import { createInbox } from './inbox.ts'
import { CLOSE_GRACE_MS, MAX_GREETING_BYTES } from './limits.ts'
import { createOutbox, type Outbox } from './outbox.ts'

/** What a link is made of. */
export interface DhtLinkInit {
  /** Its Noise handshake is finished. Taken over; it has an `error` listener already. */
  readonly stream: SecretStream
  /** Whose key the handshake was made with; proven by the first frame that decrypts. */
  readonly peerId: PeerId
  readonly path: ConnectionPath
}

/** A {@link Link}, and the moment when its peer is proven and both ends agree that it is one. */
export interface DhtLink extends Link {
  /**
   * Settles when the far end's greeting has come: only who holds the key can have sent it.
   *
   * @throws `TransportError` `ERR_HANDSHAKE_FAILED` when something else came, or the end.
   */
  readonly ready: Promise<void>
  /** Cuts the connection off without a goodbye. */
  destroy(): void
}

/** Greets, and sends and receives frames on a stream of hyperdht. */
export function createDhtLink(init: DhtLinkInit): DhtLink {
  return new StreamLink(init)
}

/** Waits for the greeting, which proves the peer; the link is gone when it does not come in time. */
export async function greetedBefore(signal: AbortSignal, link: DhtLink): Promise<void> {
  const abort = (): void => link.destroy()
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    await link.ready
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

class StreamLink implements DhtLink {
  readonly peerId: PeerId
  readonly path: ConnectionPath

  readonly #stream: SecretStream
  readonly #inbox = createInbox((bytes) => this.#outbox.sendNow(lanes.credit, encodeCredit(bytes)))
  readonly #outbox: Outbox
  readonly #decoder = createFrameDecoder((frame) => this.#take(frame))
  readonly #closed = Promise.withResolvers<CloseReason>()
  readonly #ready = Promise.withResolvers<void>()
  #isReady = false
  /** Before the greeting, so that a far end without one costs little. */
  #greetingBytes = 0
  /** How it ends: known from the goodbye, the first error or our own close on. */
  #end: CloseReason | undefined
  #isClosedHere = false
  #graceTimer: NodeJS.Timeout | undefined

  constructor({ stream, peerId, path }: DhtLinkInit) {
    this.#stream = stream
    this.peerId = peerId
    this.path = path
    this.#outbox = createOutbox(stream)
    // Nobody has to wait for `ready`: a refusal shows in `closed` as well.
    this.#ready.promise.catch(() => undefined)
    stream.on('data', (chunk) => this.#feed(chunk))
    stream.on('end', () => this.#conclude(lost()))
    stream.on('error', (cause) => this.#conclude(lost(cause)))
    stream.on('close', () => this.#finish())
    this.#outbox.sendNow(lanes.greeting, Buffer.from(PROTOCOL))
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  send(message: Uint8Array, { signal }: AbortOptions = {}): Promise<void> {
    return this.#outbox.send(lanes.data, message, signal)
  }

  sendControl(message: Uint8Array): Promise<void> {
    return this.#outbox.send(lanes.control, message, undefined)
  }

  receive({ signal }: AbortOptions = {}): Promise<LinkMessage | undefined> {
    return this.#inbox.take(signal)
  }

  async close(reason?: Error): Promise<void> {
    if (!this.#end) {
      this.#isClosedHere = true
      this.#outbox.sendNow(lanes.goodbye, new Uint8Array())
      this.#conclude({ clean: true, error: reason })
      this.#inbox.clear()
    }
    await this.closed
  }

  destroy(): void {
    this.#conclude(lost())
    this.#stream.destroy()
  }

  #feed(chunk: Buffer): void {
    if (this.#isClosedHere) return
    try {
      this.#decoder.push(chunk)
      if (!this.#isReady) this.#boundGreeting(chunk.length)
    } catch (error) {
      this.#conclude({ clean: false, error: error instanceof Error ? error : undefined })
    }
  }

  #boundGreeting(bytes: number): void {
    this.#greetingBytes += bytes
    if (this.#greetingBytes > MAX_GREETING_BYTES) throw foreign('it sent no greeting')
  }

  #take(frame: Frame): void {
    const { lane, bytes } = frame
    if (this.#end) throw outOfPlace(frame)
    if (!this.#isReady) return this.#greeted(frame)
    if (lane === lanes.data || lane === lanes.control) {
      this.#inbox.put({ isControl: lane === lanes.control, bytes })
    } else if (lane === lanes.credit) this.#outbox.credit(decodeCredit(bytes))
    else if (lane === lanes.goodbye) this.#conclude({ clean: true })
    else throw outOfPlace(frame)
  }

  #greeted({ lane, bytes }: Frame): void {
    const name = lane === lanes.greeting ? Buffer.from(bytes).toString('latin1', 0, 32) : undefined
    if (name !== PROTOCOL)
      throw foreign(`it begins with ${JSON.stringify(name) ?? 'something else'}`)
    this.#isReady = true
    this.#ready.resolve()
  }

  /** Decides how it ends, once, and lets go of the stream: gently after a goodbye, else at once. */
  #conclude(end: CloseReason): void {
    if (this.#end) return
    this.#end = end
    this.#inbox.end(end)
    this.#outbox.end(end.clean ? closed() : end.error)
    if (end.clean) {
      this.#graceTimer = setTimeout(() => this.#stream.destroy(), CLOSE_GRACE_MS)
      this.#stream.end()
    } else {
      this.#stream.destroy()
    }
  }

  #finish(): void {
    this.#conclude(lost())
    clearTimeout(this.#graceTimer)
    this.#ready.reject(refused(this.#end?.error))
    this.#closed.resolve(this.#end!)
  }
}

function closed(): TransportError {
  return new TransportError('ERR_CONNECTION_CLOSED', 'the connection is closed')
}

function lost(cause?: Error): CloseReason {
  const message = 'the connection broke without a goodbye'
  return { clean: false, error: new TransportError('ERR_CONNECTION_LOST', message, { cause }) }
}

function outOfPlace({ lane }: Frame): TransportError {
  return new TransportError('ERR_PEER_PROTOCOL', `a frame of lane ${lane} came out of place`)
}

function foreign(why: string): TransportError {
  return new TransportError(
    'ERR_HANDSHAKE_FAILED',
    `the far end does not speak ${PROTOCOL}: ${why}`,
    { hint: 'it may be another program under the same topic, or a version that does not fit' },
  )
}

/** The far end ended the connection before it greeted, or began with what is no greeting. */
export function refused(cause: Error | undefined): TransportError {
  if (isTransportError(cause) && cause.code === 'ERR_HANDSHAKE_FAILED') return cause
  if (isTransportError(cause) && cause.code === 'ERR_PEER_PROTOCOL') return foreign(cause.message)
  return new TransportError('ERR_HANDSHAKE_FAILED', 'the far end turned this node away', {
    cause,
    hint: 'it may be full, not admit this node, or be another program; try again later',
  })
}
