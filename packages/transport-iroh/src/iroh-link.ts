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
import { within } from './abandon.ts'
import { createLaneDecoder, lanes, type Frame } from './frames.ts'
import { createInbox } from './inbox.ts'
import { CLOSE_GRACE_MS, READ_BYTES } from './limits.ts'
import { createOutbox, type NumberSink, type Outbox } from './outbox.ts'
import { stackCause, turnedAway } from './stack-error.ts'

/** What a link needs of a connection of the stack. */
export interface StackConnection {
  close(errorCode: bigint, reason: number[]): void
  /** Settles when the connection has ended, whoever ended it. */
  closed(): Promise<string>
  /** Settle when the far end opens a stream, reject when the connection ends. */
  acceptBi(): Promise<unknown>
  acceptUni(): Promise<unknown>
}

/** What a link needs of a stream of the stack. */
export interface StackStream {
  readonly send: NumberSink & { stopped(): Promise<unknown> }
  readonly recv: { read(sizeLimit: number): Promise<number[]> }
}

/** What a link is made of. */
export interface IrohLinkInit {
  /** Its handshake is finished and its peer proven. Taken over. */
  readonly connection: StackConnection
  /** The only stream there is. */
  readonly stream: StackStream
  readonly peerId: PeerId
  readonly path: ConnectionPath
}

/** A {@link Link}, and the moment when both ends agree that it is one. */
export interface IrohLink extends Link {
  /**
   * Settles at the far end's first frame.
   *
   * @throws `TransportError` `ERR_HANDSHAKE_FAILED` when it ended the connection instead.
   */
  readonly ready: Promise<void>
  /** Cuts the connection off without a goodbye. */
  destroy(): void
}

/** What the far end's stack is told with the end. Nothing hangs on it: a clean end has its own frame. */
const endCodes = { clean: 0n, cutOff: 1n } as const

/** Sends and receives frames on a stream, and cuts off a peer that opens another one. */
export function createIrohLink(init: IrohLinkInit): IrohLink {
  const link = new StreamLink(init)
  link.start()
  return link
}

/** Ends a connection that became no link. */
export function cutOff(connection: Pick<StackConnection, 'close'>): void {
  connection.close(endCodes.cutOff, [])
}

class StreamLink implements IrohLink {
  readonly peerId: PeerId
  readonly path: ConnectionPath
  readonly closed: Promise<CloseReason>
  readonly ready: Promise<void>

  readonly #connection: StackConnection
  readonly #stream: StackStream
  readonly #inbox = createInbox()
  readonly #outbox: Outbox
  readonly #decoder = createLaneDecoder()
  readonly #closed = Promise.withResolvers<CloseReason>()
  readonly #ready = Promise.withResolvers<void>()
  /** Settles when the far end's stream has been read to its end, or cannot be read any more. */
  readonly #readToEnd = Promise.withResolvers<void>()
  #isReady = false
  /** How it ends: known from the goodbye, the first error or our own close on. */
  #end: CloseReason | undefined
  #isClosedHere = false
  /** True when the far end has all that we sent, the goodbye included. */
  #hasArrived = false
  /** True when the stack has ended the connection: what it still holds is read whatever the limits. */
  #isGone = false
  /** Lets the reading go on. */
  #wake: (() => void) | undefined

  constructor({ connection, stream, peerId, path }: IrohLinkInit) {
    this.#connection = connection
    this.#stream = stream
    this.peerId = peerId
    this.path = path
    this.#outbox = createOutbox(stream.send, () => cutOff(connection))
    this.closed = this.#closed.promise
    this.ready = this.#ready.promise
    // Nobody has to wait for `ready`: a refusal shows in `closed` as well.
    this.ready.catch(() => undefined)
  }

  start(): void {
    this.#outbox.sendMark(lanes.ready)
    void this.#watchEnd()
    void this.#read()
    void this.#forbid(this.#connection.acceptBi())
    void this.#forbid(this.#connection.acceptUni())
  }

  send(message: Uint8Array, { signal }: AbortOptions = {}): Promise<void> {
    return this.#outbox.send(lanes.data, message, signal)
  }

  sendControl(message: Uint8Array): Promise<void> {
    return this.#outbox.send(lanes.control, message, undefined)
  }

  receive({ signal }: AbortOptions = {}): Promise<LinkMessage | undefined> {
    const message = this.#inbox.take(signal)
    if (!this.#inbox.isFull) this.#wake?.()
    return message
  }

  async close(reason?: Error): Promise<void> {
    if (!this.#end) {
      this.#isClosedHere = true
      this.#outbox.sendMark(lanes.goodbye)
      this.#inbox.clear()
      this.#conclude({ clean: true, error: reason })
      // Read on, and throw it away: a far end that is held back does not come to our goodbye.
      this.#wake?.()
    }
    await this.closed
  }

  destroy(): void {
    this.#conclude(lost())
    cutOff(this.#connection)
  }

  /** The one loop that reads the stream. */
  async #read(): Promise<void> {
    try {
      for (;;) {
        // One read after the other is the point.
        // oxlint-disable-next-line no-await-in-loop
        const numbers = await this.#stream.recv.read(READ_BYTES)
        if (numbers.length === 0) {
          // It has ended its stream as well, which a peer does at our goodbye.
          this.#hasArrived = true
          break
        }
        if (!this.#isClosedHere) this.#feed(Uint8Array.from(numbers))
        // oxlint-disable-next-line no-await-in-loop
        if (this.#mustWait) await this.#room()
      }
      this.#conclude(lost())
    } catch (error) {
      const isOurs = isTransportError(error)
      this.#conclude(isOurs ? { clean: false, error } : lost(stackCause(error)))
    }
    this.#readToEnd.resolve()
  }

  get #mustWait(): boolean {
    return this.#inbox.isFull && !this.#isGone
  }

  async #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    await promise
    this.#wake = undefined
  }

  #feed(chunk: Uint8Array): void {
    for (const frame of this.#decoder.push(chunk)) this.#take(frame)
  }

  #take({ lane, bytes }: Frame): void {
    const isFirst = !this.#isReady
    if (this.#end || isFirst !== (lane === lanes.ready)) {
      throw new TransportError('ERR_PEER_PROTOCOL', `a frame of lane ${lane} came out of place`)
    }
    if (isFirst) {
      this.#isReady = true
      this.#ready.resolve()
    } else if (lane === lanes.goodbye) {
      this.#conclude({ clean: true })
    } else {
      this.#inbox.put({ isControl: lane === lanes.control, bytes })
    }
  }

  /** There is one stream. What waits in others is memory that nobody reads. */
  async #forbid(another: Promise<unknown>): Promise<void> {
    try {
      await another
    } catch {
      // The connection has ended, which is how this is meant to settle.
      return
    }
    const message = 'the peer opened a second stream'
    this.#conclude({ clean: false, error: new TransportError('ERR_PEER_PROTOCOL', message) })
  }

  /** Decides how it ends, once, and lets go of the connection: gently after a goodbye, else at once. */
  #conclude(end: CloseReason): void {
    if (this.#end) return
    this.#end = end
    this.#inbox.end(end)
    this.#outbox.end(end.clean ? closed() : end.error)
    this.#wake?.()
    if (end.clean) void this.#partGently()
    else cutOff(this.#connection)
  }

  /** Ends the connection when both ends have everything: the stack drops what is under way. */
  async #partGently(): Promise<void> {
    const arrived = this.#arrived()
    await within(CLOSE_GRACE_MS, Promise.all([arrived, this.#readToEnd.promise]))
    // A far end that did not read has not even got the goodbye, and what we sent before is lost.
    if (this.#isClosedHere && !this.#hasArrived) this.#end = unread(this.#end?.error)
    this.#connection.close(endCodes.clean, [])
  }

  /** Settles when the far end's stack has all that we sent, and rejects when the connection ends before. */
  async #arrived(): Promise<void> {
    await this.#outbox.finish()
    await this.#stream.send.stopped()
    this.#hasArrived = true
  }

  async #watchEnd(): Promise<void> {
    const why = await this.#connection.closed().catch(String)
    this.#isGone = true
    this.#wake?.()
    await this.#readToEnd.promise
    this.#ready.reject(turnedAway(this.#end?.error))
    this.#closed.resolve(this.#end ?? lost(new Error(why)))
  }
}

function closed(): TransportError {
  return new TransportError('ERR_CONNECTION_CLOSED', 'the connection is closed')
}

function lost(cause?: Error): CloseReason {
  const message = 'the connection broke without a goodbye'
  return { clean: false, error: new TransportError('ERR_CONNECTION_LOST', message, { cause }) }
}

function unread(cause: Error | undefined): CloseReason {
  const message = `the far end did not read to our goodbye within ${CLOSE_GRACE_MS} ms`
  return {
    clean: false,
    error: new TransportError('ERR_CONNECTION_LOST', message, {
      cause,
      hint: 'the last messages may not have arrived: confirm above what must',
    }),
  }
}
