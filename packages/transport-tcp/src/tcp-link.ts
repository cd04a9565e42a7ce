import type { TLSSocket } from 'node:tls'
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
import { createFrameDecoder, lanes, type Frame } from './frames.ts'
import { CLOSE_GRACE_MS, MAX_QUEUED_BYTES, MAX_QUEUED_MESSAGES } from './limits.ts'
import { createOutbox, type Outbox } from './outbox.ts'

/** What a link is made of. */
export interface TcpLinkInit {
  /** Its handshake is finished and its peer proven. Taken over. */
  readonly socket: TLSSocket
  readonly peerId: PeerId
  readonly path: ConnectionPath
}

/** A {@link Link}, and the moment when both ends agree that it is one. */
export interface TcpLink extends Link {
  /**
   * Settles when the side that was dialled has checked the dialler: at once there, at
   * its first frame on the side that dialled.
   *
   * @throws `TransportError` `ERR_HANDSHAKE_FAILED` when it ended the connection instead.
   */
  readonly ready: Promise<void>
  /** Cuts the connection off without a goodbye. */
  destroy(): void
}

/** Sends and receives frames on a TLS socket. */
export function createTcpLink(init: TcpLinkInit): TcpLink {
  return new SocketLink(init)
}

class SocketLink implements TcpLink {
  readonly peerId: PeerId
  readonly path: ConnectionPath

  readonly #socket: TLSSocket
  readonly #inbox = createLinkInbox({
    maxBytes: MAX_QUEUED_BYTES,
    maxMessages: MAX_QUEUED_MESSAGES,
  })
  readonly #outbox: Outbox
  readonly #decoder = createFrameDecoder((frame) => this.#take(frame))
  readonly #closed = Promise.withResolvers<CloseReason>()
  readonly #ready = Promise.withResolvers<void>()
  #isReady: boolean
  /** How it ends: known from the goodbye, the first error or our own close on. */
  #end: CloseReason | undefined
  #isClosedHere = false
  #graceTimer: NodeJS.Timeout | undefined

  constructor({ socket, peerId, path }: TcpLinkInit) {
    this.#socket = socket
    this.peerId = peerId
    this.path = path
    this.#outbox = createOutbox(socket)
    this.#isReady = !path.outbound
    // Nobody has to wait for `ready`: a refusal shows in `closed` as well.
    this.#ready.promise.catch(() => undefined)
    socket.on('data', (chunk: Buffer<ArrayBuffer>) => this.#feed(chunk))
    socket.on('end', () => this.#conclude(lost()))
    socket.on('error', (cause) => this.#conclude(lost(cause)))
    socket.on('close', () => this.#finish())
    if (this.#isReady) {
      this.#ready.resolve()
      this.#outbox.sendMark(lanes.ready)
    }
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
    const message = this.#inbox.take(signal)
    if (this.#socket.isPaused() && !this.#inbox.isFull) this.#socket.resume()
    return message
  }

  async close(reason?: Error): Promise<void> {
    if (!this.#end) {
      this.#isClosedHere = true
      this.#outbox.finish(lanes.goodbye)
      this.#conclude({ clean: true, error: reason })
      this.#inbox.clear()
      // Read on, and throw it away: bytes that nobody read turn the goodbye into a reset.
      this.#socket.resume()
    }
    await this.closed
  }

  destroy(): void {
    this.#conclude(lost())
    this.#socket.destroy()
  }

  #feed(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#isClosedHere) return
    try {
      this.#decoder.push(chunk)
    } catch (error) {
      this.#conclude({ clean: false, error: error instanceof Error ? error : undefined })
    }
    release(chunk)
    if (this.#inbox.isFull) this.#socket.pause()
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
    } else {
      this.#inbox.put({ isControl: frame.lane === lanes.control, bytes: frame.bytes })
    }
  }

  /** Decides how it ends, once, and lets go of the socket: gently after a goodbye, else at once. */
  #conclude(end: CloseReason): void {
    if (this.#end) return
    this.#end = end
    this.#inbox.end(end)
    this.#outbox.end(end.clean ? closed() : end.error)
    if (end.clean) {
      this.#graceTimer = setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS)
      this.#socket.end()
    } else {
      this.#socket.destroy()
    }
  }

  #finish(): void {
    this.#conclude(lost())
    clearTimeout(this.#graceTimer)
    this.#ready.reject(refused(this.#end?.error))
    this.#closed.resolve(this.#end!)
  }
}

/**
 * Frees the memory of a chunk that was copied from, at once: left to the garbage
 * collector, chunks make it walk the whole heap every 16 MiB that come in.
 */
function release(chunk: Uint8Array<ArrayBuffer>): void {
  if (chunk.byteLength === chunk.buffer.byteLength) chunk.buffer.transfer(0)
}

function closed(): TransportError {
  return new TransportError('ERR_CONNECTION_CLOSED', 'the connection is closed')
}

function lost(cause?: Error): CloseReason {
  const error = new TransportError(
    'ERR_CONNECTION_LOST',
    'the connection broke without a goodbye',
    {
      cause,
    },
  )
  return { clean: false, error }
}

function refused(cause: Error | undefined): TransportError {
  return new TransportError('ERR_HANDSHAKE_FAILED', 'the far end turned this node away', {
    cause,
    hint: 'it may be full, or not admit this node; try again later',
  })
}
