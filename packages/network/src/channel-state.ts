/**
 * One channel of a session, as one end sees it: what it sent and what of it is not
 * acknowledged yet, what it received and how much more it takes. No sockets, no
 * clock.
 *
 * Each direction numbers its frames from 0 without gaps: the opening (its opener
 * only), data, the end. A frame stays here until the far end has acknowledged its
 * number, and knows the path on which it is under way; when that path is lost or in
 * doubt, it is sent again on another one. What comes twice the receiver ignores, and
 * what comes early it keeps: nothing is lost, doubled or out of order.
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
import type { PathState } from './path-state.ts'
import type { Schedulable } from './scheduler.ts'
import {
  dataFrameBytes,
  encodeEnd,
  frameKind,
  markAsking,
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
  /** True for the channel that every session has: nobody opens or ends it. */
  readonly isControl?: boolean | undefined
  /** Where the buffers of large frames come from and go to. */
  readonly pool: FramePool
}

/** A message that is complete, and what reading it gives back to the writer. */
export interface ReceivedMessage {
  readonly bytes: Uint8Array
  /** What {@link ChannelState.consume} has to be told when the application has read it. */
  readonly cost: number
}

/** A frame that the far end has not acknowledged. What can change belongs to the path that it is on. */
export interface OutgoingFrame {
  /** Belongs to the pool; the frame is at its beginning. */
  readonly buffer: Uint8Array
  readonly frameBytes: number
  readonly payloadBytes: number
  /** The credit that the far end must have granted before it may be sent. */
  readonly endOffset: number
  /** Where it is under way; `undefined` while it is to be sent. */
  path: PathState | undefined
  /** True when another way than a path carries it: an opening in the control channel. */
  isElsewhere: boolean
  /** True when it was sent more than once: how long it took then says nothing. */
  isRepeated: boolean
  /** Connections that may still read it. */
  lent: number
  sentAtMs: number
  /** What the path had delivered when it was sent, and when. */
  deliveredBytes: number
  deliveredAtMs: number
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
  /** True while its data waits because the opening is on its way; belongs to the table. */
  isHeld = false

  readonly #pool: FramePool
  /** Frames from number `#acked` on. */
  #frames: OutgoingFrame[] = []
  #acked = 0
  /** The lowest number that is not under way. */
  #nextToSend = 0
  /** The highest number that ever went out: the far end cannot have received more. */
  #sent = 0
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
    if (init.open !== undefined) this.#push(init.open)
    else if (init.isControl !== true) this.#expected = 1
  }

  /** True when a frame may be sent now. */
  get isReady(): boolean {
    const frame = this.#frames[this.#nextToSend - this.#acked]
    return frame !== undefined && frame.endOffset <= this.#credit
  }

  /** Bytes of the next frame; 0 when there is none. */
  get nextFrameBytes(): number {
    return this.#frames[this.#nextToSend - this.#acked]?.frameBytes ?? 0
  }

  /** True when the next frame was sent before. */
  get isNextRepeated(): boolean {
    return this.#nextToSend < this.#sent
  }

  /** True when the far end has to grant more credit before anything is sent. */
  get isBlocked(): boolean {
    const frame = this.#frames[this.#nextToSend - this.#acked]
    return frame !== undefined && frame.endOffset > this.#credit
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
    if (this.#hasRemoteEnded || !this.isReportable) return 0
    return Math.max(this.#receivedOffset - this.#acknowledgedOffset, this.#limit() - this.#granted)
  }

  /** True when the far end certainly knows the channel: what it is told of one that it does not is a breach. */
  get isReportable(): boolean {
    return !this.isLocal || this.#acked > 0 || this.#expected > 0
  }

  /** True when the far end does not know yet how far this end is. */
  get isAckDue(): boolean {
    if (!this.isReportable) return false
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

  /** The next frame for `path`; only when {@link isReady}. */
  takeFrame(path: PathState, isUrgent: boolean, nowMs: number): Uint8Array | undefined {
    const frame = this.#takeNext()
    if (frame === undefined) return undefined
    const isAsking = path.lend(frame, isUrgent, nowMs)
    this.#skip()
    const { buffer, frameBytes } = frame
    if (buffer[0] === frameKind.data || buffer[0] === frameKind.dataAsking) {
      markAsking(buffer, isAsking)
    }
    return frameBytes === buffer.length ? buffer : buffer.subarray(0, frameBytes)
  }

  /** The opening, for the control channel, which sees to it that it arrives. */
  takeOpening(): Uint8Array | undefined {
    const frame = this.#takeNext()
    if (frame !== undefined) frame.isElsewhere = true
    this.#skip()
    return frame?.buffer
  }

  #takeNext(): OutgoingFrame | undefined {
    const frame = this.#frames[this.#nextToSend - this.#acked]
    if (frame === undefined || frame.endOffset > this.#credit) return undefined
    if (this.#nextToSend === this.#sent) {
      this.#sent += 1
      this.#queuedBytes -= frame.payloadBytes
      if (this.#queuedBytes <= SEND_RESUME_BYTES) this.#isFull = false
    } else frame.isRepeated = true
    this.#nextToSend += 1
    return frame
  }

  /** Leaves out what is under way: after a path was lost, the frames of another one stand between. */
  #skip(): void {
    if (this.#nextToSend >= this.#sent) return
    for (;;) {
      const frame = this.#frames[this.#nextToSend - this.#acked]
      if (frame === undefined || (frame.path === undefined && !frame.isElsewhere)) return
      this.#nextToSend += 1
    }
  }

  /** What is under way on `path` is to be sent again; true when there was something. */
  recall(path: PathState): boolean {
    let lowest = Infinity
    for (const [index, frame] of this.#frames.entries()) {
      if (frame.path !== path) continue
      frame.path = undefined
      lowest = Math.min(lowest, this.#acked + index)
    }
    this.#nextToSend = Math.min(this.#nextToSend, lowest)
    return lowest !== Infinity
  }

  /** True when everything that is not acknowledged is under way on `path`. */
  isAllOn(path: PathState): boolean {
    return this.#frames.every((frame) => frame.path === path)
  }

  /**
   * The far end says how far it is.
   *
   * @returns True when it knows something new.
   * @throws `NetworkError` `ERR_SESSION_PROTOCOL` when it claims what was never sent.
   */
  acknowledge({ next, credit }: ChannelPosition, nowMs: number): boolean {
    if (next > this.#sent) {
      throw protocolError(
        `frame ${next - 1} is acknowledged, the last one sent is ${this.#sent - 1}`,
      )
    }
    const isNews = next > this.#acked || credit > this.#credit
    if (next > this.#acked) {
      const gone = this.#frames.splice(0, next - this.#acked)
      this.#acked = next
      this.#nextToSend = Math.max(this.#nextToSend, next)
      this.#release(gone, nowMs)
      this.#skip()
    }
    if (credit > this.#credit) this.#credit = credit
    return isNews
  }

  #release(gone: readonly OutgoingFrame[], nowMs: number): void {
    let last: OutgoingFrame | undefined
    for (const frame of gone) {
      this.#unacknowledgedBytes -= frame.payloadBytes
      const { path } = frame
      if (path !== undefined) {
        path.arrived(frame, nowMs)
        last = frame
      }
      // A peer can acknowledge what it has not received, and would then be sent whatever the next
      // owner of the buffer writes into it. A connection that died reads for ever.
      if (frame.lent === 0) this.#pool.give(frame.buffer)
    }
    if (last === undefined || last.isRepeated) return
    last.path?.measure(last, last.buffer[0] === frameKind.dataAsking, nowMs)
  }

  /** The channel is over: nothing is sent or kept any more. */
  abandon(): void {
    for (const frame of this.#frames) frame.path?.drop(frame)
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
    if (frame.kind === frameKind.dataAsking || this.unreportedBytes >= ACK_AFTER_BYTES) {
      this.isAckUrgent = true
    }
    return messages
  }

  /** The application has read a message: the far end may send as much again. */
  consume(cost: number): void {
    this.#consumedOffset += cost
    if (this.unreportedBytes >= ACK_AFTER_BYTES) this.isAckUrgent = true
  }

  /** How far this end is and what it has granted, for a snapshot; nobody may hear of it. */
  get position(): ChannelPosition {
    return { channel: this.id, next: this.#expected, credit: this.#granted }
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
    this.#frames.push({
      buffer,
      frameBytes,
      payloadBytes,
      endOffset: this.#cutOffset,
      path: undefined,
      isElsewhere: false,
      isRepeated: false,
      lent: 0,
      sentAtMs: 0,
      deliveredBytes: 0,
      deliveredAtMs: 0,
    })
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
