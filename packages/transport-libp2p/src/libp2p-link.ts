import type { Connection, Stream } from '@libp2p/interface'
import { createLinkInbox } from '@vudo/swarm'
import {
  TransportError,
  type AbortOptions,
  type CloseReason,
  type ConnectionPath,
  type Link,
  type LinkMessage,
  type PeerId,
} from '@vudo/transport'
import { costOf, createReceiveCredit } from './credit.ts'
import { createFrameReader, lanes, type Frame } from './frames.ts'
import { freeWhole } from './free-whole.ts'
import { CLOSE_GRACE_MS } from './limits.ts'
import { createOutbox, type Outbox } from './outbox.ts'

/** What a link is made of. */
export interface Libp2pLinkInit {
  /** Negotiated for our protocol, and nothing of it read yet. Taken over. */
  readonly stream: Stream
  /** What carries the stream; it may carry others too. */
  readonly connection: Connection
  /** The key that the handshake of the connection has proven. */
  readonly peerId: PeerId
  /** True on the side that dialled. */
  readonly outbound: boolean
}

/** A {@link Link}, and the moment when both ends agree that it is one. */
export interface Libp2pLink extends Link {
  readonly connection: Connection
  /**
   * Settles when the side that was dialled takes the link: at once there, at its first
   * frame on the side that dialled.
   *
   * @throws `TransportError` `ERR_HANDSHAKE_FAILED` when it ended the stream instead.
   */
  readonly ready: Promise<void>
  /** Cuts the link off without a goodbye. */
  destroy(): void
}

/** Sends and receives frames on a stream. Reads from the first moment on, so make it when the stream comes. */
export function createLibp2pLink(init: Libp2pLinkInit): Libp2pLink {
  return new StreamLink(init)
}

class StreamLink implements Libp2pLink {
  readonly peerId: PeerId
  readonly connection: Connection

  readonly #stream: Stream
  readonly #outbound: boolean
  readonly #received = createReceiveCredit()
  readonly #inbox = createLinkInbox({ onTaken: ({ bytes }) => this.#grant(bytes) })
  readonly #outbox: Outbox
  readonly #reader = createFrameReader((frame) => this.#take(frame))
  readonly #closed = Promise.withResolvers<CloseReason>()
  readonly #ready = Promise.withResolvers<void>()
  #isReady: boolean
  /** How it ends: known from the goodbye, the first error or our own close on. */
  #end: CloseReason | undefined
  #isClosedHere = false
  #graceTimer: NodeJS.Timeout | undefined

  constructor({ stream, connection, peerId, outbound }: Libp2pLinkInit) {
    this.#stream = stream
    this.connection = connection
    this.peerId = peerId
    this.#outbound = outbound
    this.#outbox = createOutbox(stream)
    this.#isReady = !outbound
    // Nobody has to wait for `ready`: a refusal shows in `closed` as well.
    this.#ready.promise.catch(() => undefined)
    stream.addEventListener('close', (event) => this.#finish(event.error))
    stream.addEventListener('message', ({ data }) => this.#feed(data))
    stream.addEventListener('end', () => {
      // The far end will send no more. Any other end comes as 'close' at once, with its cause.
      if (stream.status === 'open') this.#conclude(lost())
    })
    if (this.#isReady) {
      this.#ready.resolve()
      this.#outbox.mark(lanes.ready)
    }
    // It may have ended before anybody listened.
    if (stream.status !== 'open') this.#finish(undefined)
  }

  get path(): ConnectionPath {
    return pathOf(this.connection, this.#outbound)
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
      this.#outbox.finish(lanes.goodbye)
      this.#conclude({ clean: true, error: reason })
      this.#inbox.clear()
    }
    await this.closed
  }

  destroy(): void {
    this.#conclude(lost())
  }

  #feed(data: Iterable<Uint8Array> | Uint8Array): void {
    if (this.#isClosedHere) return
    try {
      if (data instanceof Uint8Array) this.#read(data)
      else for (const chunk of data) this.#read(chunk)
    } catch (error) {
      this.#conclude({ clean: false, error: error instanceof Error ? error : undefined })
    }
  }

  /** A stream hands on what it has read or decrypted, and keeps none of it. */
  #read(chunk: Uint8Array): void {
    this.#reader.push(chunk)
    freeWhole(chunk)
  }

  #take(frame: Frame): void {
    const isFirst = !this.#isReady
    if (this.#end || isFirst !== (frame.lane === lanes.ready)) {
      throw new TransportError(
        'ERR_PEER_PROTOCOL',
        `a frame of lane ${frame.lane} came out of place`,
      )
    }
    if (isFirst) {
      this.#isReady = true
      this.#ready.resolve()
    } else if (frame.lane === lanes.goodbye) {
      this.#conclude({ clean: true })
    } else if (frame.lane === lanes.credit) {
      this.#outbox.credit(readUint32(frame.bytes))
    } else {
      this.#received.arrived(costOf(frame.bytes))
      this.#inbox.put({ isControl: frame.lane === lanes.control, bytes: frame.bytes })
    }
  }

  /** Tells the far end that there is room again. */
  #grant(message: Uint8Array): void {
    const credit = this.#received.taken(costOf(message))
    if (credit > 0 && !this.#end) this.#outbox.mark(lanes.credit, writeUint32(credit))
  }

  /** Decides how it ends, once, and lets go of the stream: gently after a goodbye, else at once. */
  #conclude(end: CloseReason): void {
    if (this.#end) return
    this.#end = end
    this.#inbox.end(end)
    this.#outbox.end(end.clean ? closedError() : end.error)
    if (!end.clean) return this.#stream.abort(end.error ?? closedError())
    this.#graceTimer = setTimeout(() => this.#stream.abort(closedError()), CLOSE_GRACE_MS)
    // Whatever keeps it from closing gently, the timer ends it.
    this.#stream.close().catch(() => undefined)
  }

  #finish(cause: Error | undefined): void {
    this.#conclude(lost(cause))
    clearTimeout(this.#graceTimer)
    this.#ready.reject(refused(this.#end?.error))
    this.#closed.resolve(this.#end!)
  }
}

function pathOf(connection: Connection, outbound: boolean): ConnectionPath {
  const address = connection.remoteAddr.toString()
  return {
    transport: 'libp2p',
    relayed: connection.limits !== undefined || address.includes('/p2p-circuit'),
    address: `libp2p://${address}`,
    rttMs: connection.rtt,
    outbound,
  }
}

function readUint32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}

function writeUint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

function closedError(): TransportError {
  return new TransportError('ERR_CONNECTION_CLOSED', 'the connection is closed')
}

function lost(cause?: Error): CloseReason {
  const message = 'the connection broke without a goodbye'
  return { clean: false, error: new TransportError('ERR_CONNECTION_LOST', message, { cause }) }
}

function refused(cause: Error | undefined): TransportError {
  return new TransportError('ERR_HANDSHAKE_FAILED', 'the far end turned this node away', {
    cause,
    hint: 'it may be full, or not admit this node; try again later',
  })
}
