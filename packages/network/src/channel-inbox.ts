/**
 * What comes in on a channel: puts frames in order, messages together, and says how far
 * this end is and how much more it takes. No sockets, no clock.
 */
import {
  ACK_AFTER_BYTES,
  CHANNEL_WINDOW_BYTES,
  FRAME_COST_BYTES,
  INITIAL_CREDIT_BYTES,
  MAX_CHANNEL_MESSAGE_BYTES,
  MAX_FRAGMENTS,
  MAX_FRAMES_AHEAD,
} from './limits.ts'
import { frameKind, type ChannelPosition, type DataFrame, type EndFrame } from './frames.ts'
import { protocolError } from './wire.ts'

/** A message that is complete, and what reading it gives back to the writer. */
export interface ReceivedMessage {
  readonly bytes: Uint8Array
  /** What {@link ChannelInbox.consume} has to be told when the application has read it. */
  readonly cost: number
}

/** One direction of a channel, at the end that receives. */
export class ChannelInbox {
  /** True while an acknowledgement is due at the next occasion. */
  isAckUrgent = false
  /** The number of the frame that is to be read next. */
  #expected: number
  #receivedOffset = 0
  #consumedOffset = 0
  #granted = INITIAL_CREDIT_BYTES
  /** How far the far end was told that this end is. */
  #acknowledgedOffset = 0
  #acknowledged = 0
  /** Frames that came before others that belong in front of them. */
  readonly #early = new Map<number, DataFrame | EndFrame>()
  #earlyCost = 0
  #fragments: Uint8Array[] = []
  #fragmentBytes = 0
  #fragmentCost = 0
  #hasEnded = false

  /** @param expected - The number of the first frame that is not known yet: 1 where the opening has come. */
  constructor(expected: number) {
    this.#expected = expected
  }

  get expected(): number {
    return this.#expected
  }

  /** True when the far end sends no more. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** True when the far end knows how far this end is. */
  get isTold(): boolean {
    return this.#acknowledged === this.#expected
  }

  /** How much was received that the far end has not been told, in credit. */
  get unreportedBytes(): number {
    if (this.#hasEnded) return 0
    return Math.max(this.#receivedOffset - this.#acknowledgedOffset, this.#limit() - this.#granted)
  }

  /** True when the far end does not know yet how far this end is. */
  get isAckDue(): boolean {
    if (!this.isTold) return true
    return !this.#hasEnded && this.#limit() > this.#granted
  }

  /** The channel is over: nothing is kept any more. */
  abandon(): void {
    this.#hasEnded = true
    this.#early.clear()
    this.#fragments = []
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
  position(channel: number): ChannelPosition {
    return { channel, next: this.#expected, credit: this.#granted }
  }

  /** How far this end is; the caller tells the far end. */
  report(channel: number): ChannelPosition {
    this.isAckUrgent = false
    this.#acknowledged = this.#expected
    this.#acknowledgedOffset = this.#receivedOffset
    this.#granted = Math.max(this.#granted, this.#limit())
    return { channel, next: this.#expected, credit: this.#granted }
  }

  #limit(): number {
    return this.#consumedOffset + CHANNEL_WINDOW_BYTES
  }

  #assertCredit(frame: DataFrame | EndFrame): void {
    if (this.#hasEnded) throw protocolError('frame after the end of its channel')
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
    if (this.#hasEnded) throw protocolError('frame after the end of its channel')
    this.#expected += 1
    if (!('payload' in frame)) {
      if (this.#fragments.length > 0) throw protocolError('channel ended within a message')
      this.#hasEnded = true
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
