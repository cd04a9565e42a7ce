/**
 * Back-pressure of our own, in both directions: each end sends at most `WINDOW_BYTES`
 * ahead of what the other's application has read. TCP and Yamux could hold a sender
 * back, QUIC as the stack has it cannot: it reads on while its stream is paused and cuts
 * it off at 4 MiB. And because nobody ever stops reading a stream, a goodbye is never
 * stuck behind messages that nobody takes.
 */
import { TransportError } from '@vudo/transport'
import { CREDIT_STEP_BYTES, MESSAGE_OVERHEAD_BYTES, WINDOW_BYTES } from './limits.ts'

/** What a message uses of the window. */
export function costOf(message: Uint8Array): number {
  return message.length + MESSAGE_OVERHEAD_BYTES
}

/** The sender's side. */
export interface SendCredit {
  /** What has been used since the beginning, given back or not. */
  readonly used: number
  /** Uses `cost`, or says false when there is not so much left. */
  take(cost: number): boolean
  /**
   * The far end has read so much.
   *
   * @throws `TransportError` `ERR_PEER_PROTOCOL` when that is nothing, or more than was sent.
   */
  add(cost: number): void
}

/** The receiver's side. */
export interface ReceiveCredit {
  /**
   * A message has come.
   *
   * @throws `TransportError` `ERR_PEER_PROTOCOL` when the far end had no room left for it.
   */
  arrived(cost: number): void
  /** A message has been read; the credit to send now, or 0 for none. */
  taken(cost: number): number
}

/** Makes a window that is all free. */
export function createSendCredit(): SendCredit {
  let left = WINDOW_BYTES
  let used = 0
  return {
    get used() {
      return used
    },
    take(cost) {
      if (cost > left) return false
      left -= cost
      used += cost
      return true
    },
    add(cost) {
      if (cost === 0 || left + cost > WINDOW_BYTES) {
        throw new TransportError(
          'ERR_PEER_PROTOCOL',
          `a credit of ${cost} bytes is none, or more than was sent`,
        )
      }
      left += cost
    },
  }
}

/** Makes a window that is all free. */
export function createReceiveCredit(): ReceiveCredit {
  let used = 0
  let untold = 0
  return {
    arrived(cost) {
      used += cost
      if (used <= WINDOW_BYTES) return
      throw new TransportError(
        'ERR_PEER_PROTOCOL',
        `${used} bytes are unread, expected at most ${WINDOW_BYTES}`,
      )
    },
    taken(cost) {
      untold += cost
      if (untold < CREDIT_STEP_BYTES) return 0
      const credit = untold
      used -= credit
      untold = 0
      return credit
    },
  }
}
