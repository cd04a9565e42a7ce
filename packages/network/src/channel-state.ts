/**
 * One channel of a session, as one end sees it: what it sent and what of it is not
 * acknowledged yet, what it received and how much more it takes. No sockets, no
 * clock.
 *
 * Each direction numbers its frames from 0 without gaps: the opening (its opener
 * only), data, the end. A frame stays here until the far end has acknowledged its
 * number; when the session moves to another connection, sending goes on at the
 * number that the far end expects, so nothing is lost and nothing is doubled.
 *
 * Credit counts the bytes of data frames from the channel's beginning, each with
 * `FRAME_COST_BYTES` on top. The receiver grants what the application has read plus
 * a window, so a reader that does not read stops its writer and nobody else.
 */
import type { FramePool } from './frame-pool.ts'
import {
  ACK_AFTER_BYTES,
  CHANNEL_WINDOW_BYTES,
  FRAME_COST_BYTES,
  INITIAL_CREDIT_BYTES,
  MAX_CHANNEL_MESSAGE_BYTES,
  MAX_FRAGMENTS,
  MAX_FRAMES_AHEAD,
  SEND_QUEUE_BYTES,
  SEND_RESUME_BYTES,
} from './limits.ts'
import type { Schedulable } from './scheduler.ts'
import {
  dataFrameBytes,
  encodeEnd,
  protocolError,
  writeData,
  type ChannelPosition,
  type DataFrame,
  type EndFrame,
  type PriorityNumber,
} from './wire.ts'

/** What a channel is. */
export interface ChannelInit {
  readonly id: number
  readonly protocol: string
  readonly priority: PriorityNumber
  /** The database it is for, or none. */
  readonly database: string | undefined
  /** The opening, on the side that opens. */
  readonly open?: Uint8Array | undefined
  /** Where the buffers of large frames come from and go to. */
  readonly pool: FramePool
}

/** A message that is complete, and what reading it gives back to the writer. */
export interface ReceivedMessage {
  readonly bytes: Uint8Array
  /** What {@link ChannelState.consume} has to be told when the application has read it. */
  readonly cost: number
}

/** A frame that the far end has not acknowledged. */
interface OutgoingFrame {
  /** Belongs to the pool; the frame is at its beginning. */
  readonly buffer: Uint8Array
  readonly frameBytes: number
  readonly payloadBytes: number
  /** The credit that the far end must have granted before it may be sent. */
  readonly endOffset: number
}

/** The state of one channel. Owned by one session. */
export class ChannelState implements Schedulable<ChannelState> {
  readonly id: number
  readonly protocol: string
  readonly priority: PriorityNumber
  readonly database: string | undefined
  /** True when this end opened it. */
  readonly isLocal: boolean
  /** Belongs to the scheduler, as {@link following} does. */
  isQueued = false
  following: ChannelState | undefined
  /** True while it stands in the line for acknowledgements; belongs to the table. */
  isAckQueued = false
  /** True while an acknowledgement is due at the next occasion. */
  isAckUrgent = false

  readonly #pool: FramePool
  /** Frames from number `#acked` on. */
  #frames: OutgoingFrame[] = []
  #acked = 0
  #nextToSend = 0
  /** The highest number that ever went out: the far end cannot have received more. */
  #sent = 0
  /** The frame that the connection may still read, because sending it has not settled. */
  #lent: OutgoingFrame | undefined
  /** Frames below this number went out on an earlier connection, which may still read them. */
  #lentBefore = 0
  #cutOffset = 0
  #credit = INITIAL_CREDIT_BYTES
  #queuedBytes = 0
  /** From a full queue until much of it has gone. */
  #isFull = false
  #unacknowledgedBytes = 0
  #hasEnded = false

  #expected = 0
  #receivedOffset = 0
  #consumedOffset = 0
  #granted = INITIAL_CREDIT_BYTES
  #acknowledgedOffset = 0
  #acknowledged = 0
  #early = new Map<number, DataFrame | EndFrame>()
  #earlyCost = 0
  #fragments: Uint8Array[] = []
  #fragmentBytes = 0
  #fragmentCost = 0
  #hasRemoteEnded = false

  constructor(init: ChannelInit) {
    this.id = init.id
    this.protocol = init.protocol
    this.priority = init.priority
    this.database = init.database
    this.isLocal = init.open !== undefined
    this.#pool = init.pool
    if (init.open === undefined) this.#expected = 1
    else this.#push(init.open)
  }

  /** True when a frame may be sent now. */
  get isReady(): boolean {
    const frame = this.#frames[this.#nextToSend - this.#acked]
    return frame !== undefined && frame.endOffset <= this.#credit
  }

  /** True when the opening itself is what is to be sent next. */
  get isOpenPending(): boolean {
    return this.isLocal && this.#nextToSend === 0
  }

  /** True when {@link send} may be called. */
  get isWritable(): boolean {
    return !this.#hasEnded && !this.#isFull
  }

  /** Payload bytes that the far end has not acknowledged, whether they were sent or not. */
  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes
  }

  /** True when something was sent and is not acknowledged. */
  get isAwaitingAck(): boolean {
    return this.#nextToSend > this.#acked
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  get hasRemoteEnded(): boolean {
    return this.#hasRemoteEnded
  }

  /** True when both ends have ended and the far end knows everything: the channel can be forgotten. */
  get isDone(): boolean {
    if (!this.#hasEnded || !this.#hasRemoteEnded) return false
    return this.#frames.length === 0 && this.#acknowledged === this.#expected
  }

  /** How much was received that the far end has not been told, in credit. */
  get unreportedBytes(): number {
    if (this.#hasRemoteEnded) return 0
    return Math.max(this.#receivedOffset - this.#acknowledgedOffset, this.#limit() - this.#granted)
  }

  /** True when the far end does not know yet how far this end is. */
  get isAckDue(): boolean {
    if (this.#acknowledged !== this.#expected) return true
    return !this.#hasRemoteEnded && this.#limit() > this.#granted
  }

  /** Cuts a message into frames of at most `payloadBytes` and queues them. The message is copied. */
  send(message: Uint8Array, payloadBytes: number): void {
    if (message.length <= payloadBytes) return this.#sendFragment(message, false)
    for (let at = 0; at < message.length; at += payloadBytes) {
      const end = at + payloadBytes
      this.#sendFragment(message.subarray(at, end), end < message.length)
    }
  }

  #sendFragment(payload: Uint8Array, hasMore: boolean): void {
    const sequence = this.#acked + this.#frames.length
    const fragment = { channel: this.id, sequence, hasMore, payload }
    const frameBytes = dataFrameBytes(fragment)
    const buffer = this.#pool.take(frameBytes)
    writeData(buffer, fragment)
    this.#push(buffer, frameBytes, payload.length, payload.length + FRAME_COST_BYTES)
  }

  /** Queues the end of this direction. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const sequence = this.#acked + this.#frames.length
    this.#push(encodeEnd({ channel: this.id, sequence }))
  }

  /** The next frame to send; only when {@link isReady}. */
  takeFrame(): Uint8Array | undefined {
    const frame = this.#frames[this.#nextToSend - this.#acked]
    if (frame === undefined || frame.endOffset > this.#credit) return undefined
    if (this.#nextToSend === this.#sent) {
      this.#sent += 1
      this.#queuedBytes -= frame.payloadBytes
      if (this.#queuedBytes <= SEND_RESUME_BYTES) this.#isFull = false
    }
    this.#nextToSend += 1
    this.#lent = frame
    const { buffer, frameBytes } = frame
    return frameBytes === buffer.length ? buffer : buffer.subarray(0, frameBytes)
  }

  /** The connection has sent the frame that was taken last, and reads it no more. */
  settle(): void {
    this.#lent = undefined
  }

  /**
   * The far end says how far it is.
   *
   * @returns True when it knows something new.
   * @throws `NetworkError` `ERR_SESSION_PROTOCOL` when it claims what was never sent.
   */
  acknowledge({ next, credit }: ChannelPosition): boolean {
    if (next > this.#sent) {
      throw protocolError(
        `frame ${next - 1} is acknowledged, the last one sent is ${this.#sent - 1}`,
      )
    }
    const isNews = next > this.#acked || credit > this.#credit
    if (next > this.#acked) {
      const gone = this.#frames.splice(0, next - this.#acked)
      for (const frame of gone) {
        this.#unacknowledgedBytes -= frame.payloadBytes
        this.#recycle(frame, this.#acked++)
      }
      this.#nextToSend = Math.max(this.#nextToSend, next)
    }
    if (credit > this.#credit) this.#credit = credit
    return isNews
  }

  /**
   * Gives the buffer of an acknowledged frame back, unless a connection may still read
   * it: a peer can acknowledge what it has not received, and would then be sent whatever
   * the next owner of the buffer writes into it.
   */
  #recycle(frame: OutgoingFrame, sequence: number): void {
    if (frame !== this.#lent && sequence >= this.#lentBefore) this.#pool.give(frame.buffer)
  }

  /** The session goes on over another connection, on which the far end has told where it stands. */
  goOn(position: ChannelPosition | undefined): void {
    this.#lentBefore = this.#sent
    if (position !== undefined) this.acknowledge(position)
    this.#nextToSend = this.#acked
  }

  /** The channel is over: nothing is sent or kept any more. */
  abandon(): void {
    this.#hasEnded = true
    this.#hasRemoteEnded = true
    this.#frames = []
    this.#early.clear()
    this.#fragments = []
    this.#unacknowledgedBytes = 0
  }

  /** True when the far end may have heard of the channel. */
  get isKnownToPeer(): boolean {
    return !this.isLocal || this.#sent > 0
  }

  /** True when the far end has heard of the channel. */
  get isOpenAcknowledged(): boolean {
    return this.#acked > 0
  }

  /**
   * Takes a frame of the far end, in any order.
   *
   * @returns The messages that are now complete, in order.
   * @throws `NetworkError` `ERR_SESSION_PROTOCOL` when it exceeds a limit.
   */
  receive(frame: DataFrame | EndFrame): ReceivedMessage[] {
    const { sequence } = frame
    if (sequence < this.#expected || this.#early.has(sequence)) {
      // Sent again because our acknowledgement was lost with its connection.
      this.isAckUrgent = true
      return noMessages
    }
    this.#assertCredit(frame)
    if (sequence !== this.#expected) return this.#keepEarly(frame)
    const messages: ReceivedMessage[] = []
    let next: DataFrame | EndFrame | undefined = frame
    while (next !== undefined) {
      this.#accept(next, messages)
      next = this.#early.size === 0 ? undefined : this.#takeEarly()
    }
    if (this.unreportedBytes >= ACK_AFTER_BYTES) this.isAckUrgent = true
    return messages
  }

  /** The application has read a message: the far end may send as much again. */
  consume(cost: number): void {
    this.#consumedOffset += cost
    if (this.unreportedBytes >= ACK_AFTER_BYTES) this.isAckUrgent = true
  }

  /** How far this end is; the caller tells the far end. */
  report(): ChannelPosition {
    this.isAckUrgent = false
    this.#acknowledged = this.#expected
    this.#acknowledgedOffset = this.#receivedOffset
    this.#granted = Math.max(this.#granted, this.#limit())
    return { channel: this.id, next: this.#expected, credit: this.#granted }
  }

  #limit(): number {
    return this.#consumedOffset + CHANNEL_WINDOW_BYTES
  }

  #push(buffer: Uint8Array, frameBytes: number = buffer.length, payloadBytes = 0, cost = 0): void {
    this.#cutOffset += cost
    this.#queuedBytes += payloadBytes
    this.#unacknowledgedBytes += payloadBytes
    if (this.#queuedBytes >= SEND_QUEUE_BYTES) this.#isFull = true
    this.#frames.push({ buffer, frameBytes, payloadBytes, endOffset: this.#cutOffset })
  }

  #assertCredit(frame: DataFrame | EndFrame): void {
    if (this.#hasRemoteEnded) throw protocolError('frame after the end of its channel')
    if (frame.sequence >= this.#expected + MAX_FRAMES_AHEAD) {
      throw protocolError(`frame ${frame.sequence}, expected ${this.#expected}`)
    }
    const offset = this.#receivedOffset + this.#earlyCost + costOf(frame)
    if (offset > this.#granted) {
      throw protocolError(`data up to ${offset}, granted are ${this.#granted} bytes`)
    }
  }

  #keepEarly(frame: DataFrame | EndFrame): ReceivedMessage[] {
    this.#early.set(frame.sequence, frame)
    this.#earlyCost += costOf(frame)
    return noMessages
  }

  #takeEarly(): DataFrame | EndFrame | undefined {
    const frame = this.#early.get(this.#expected)
    if (frame === undefined) return undefined
    this.#early.delete(frame.sequence)
    this.#earlyCost -= costOf(frame)
    return frame
  }

  #accept(frame: DataFrame | EndFrame, messages: ReceivedMessage[]): void {
    if (this.#hasRemoteEnded) throw protocolError('frame after the end of its channel')
    this.#expected += 1
    if (!('payload' in frame)) {
      if (this.#fragments.length > 0) throw protocolError('channel ended within a message')
      this.#hasRemoteEnded = true
      this.isAckUrgent = true
      return
    }
    const cost = costOf(frame)
    this.#receivedOffset += cost
    if (this.#fragments.length === 0 && !frame.hasMore) {
      assertMessageSize(frame.payload.length)
      messages.push({ bytes: frame.payload, cost })
      return
    }
    this.#addFragment(frame.payload, cost)
    if (!frame.hasMore) messages.push(this.#join())
  }

  #addFragment(payload: Uint8Array, cost: number): void {
    if (this.#fragments.length === MAX_FRAGMENTS) {
      throw protocolError(`message of more than ${MAX_FRAGMENTS} fragments`)
    }
    this.#fragments.push(payload)
    this.#fragmentBytes += payload.length
    this.#fragmentCost += cost
    assertMessageSize(this.#fragmentBytes)
  }

  #join(): ReceivedMessage {
    const bytes = new Uint8Array(this.#fragmentBytes)
    let at = 0
    for (const fragment of this.#fragments) {
      bytes.set(fragment, at)
      at += fragment.length
    }
    const message = { bytes, cost: this.#fragmentCost }
    this.#fragments = []
    this.#fragmentBytes = 0
    this.#fragmentCost = 0
    return message
  }
}

const noMessages: ReceivedMessage[] = []

function costOf(frame: DataFrame | EndFrame): number {
  return 'payload' in frame ? frame.payload.length + FRAME_COST_BYTES : 0
}

function assertMessageSize(bytes: number): void {
  if (bytes <= MAX_CHANNEL_MESSAGE_BYTES) return
  throw protocolError(`message of more than ${MAX_CHANNEL_MESSAGE_BYTES} bytes`)
}
