import { TransportError, type CloseReason, type LinkMessage } from '@vudo/transport'
import { frameCost } from './frames.ts'
import { CREDIT_STEP_BYTES, WINDOW_BYTES } from './limits.ts'
import { createWaiter, type Waiter } from './waiter.ts'

/** Messages that have arrived and wait to be taken; keeps the books of the window that the far end may use. */
export interface Inbox {
  /**
   * Hands the message to who has waited longest, or keeps it. Ignored after {@link end}.
   *
   * @throws `TransportError` `ERR_PEER_PROTOCOL` when the far end had used up its window.
   */
  put(message: LinkMessage): void
  /** The next message; after the last one `undefined` when the connection ended cleanly, or its error. */
  take(signal: AbortSignal | undefined): Promise<LinkMessage | undefined>
  /** No more will come. What is kept can still be taken. */
  end(reason: CloseReason): void
  /** Throws away what is kept. */
  clear(): void
}

/** Makes an empty inbox. `onCredit` is told how much of the window is free again, in steps. */
export function createInbox(onCredit: (bytes: number) => void): Inbox {
  return new WindowInbox(onCredit)
}

class WindowInbox implements Inbox {
  readonly #onCredit: (bytes: number) => void
  #takers: Waiter<LinkMessage | undefined>[] = []
  #messages: LinkMessage[] = []
  /** Of the window: what has come and has not been given back. */
  #used = 0
  /** Of that, what has been taken. */
  #taken = 0
  #end: CloseReason | undefined

  constructor(onCredit: (bytes: number) => void) {
    this.#onCredit = onCredit
  }

  put(message: LinkMessage): void {
    if (this.#end) return
    if (this.#used >= WINDOW_BYTES) {
      throw new TransportError(
        'ERR_PEER_PROTOCOL',
        `peer sent on with ${this.#used} bytes unread, expected it to wait at ${WINDOW_BYTES}`,
      )
    }
    this.#used += frameCost(message.bytes.length)
    const taker = this.#takers.shift()
    if (!taker) return void this.#messages.push(message)
    this.#giveBack(message)
    taker.resolve(message)
  }

  take(signal: AbortSignal | undefined): Promise<LinkMessage | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const message = this.#messages.shift()
    if (message) {
      this.#giveBack(message)
      return Promise.resolve(message)
    }
    if (this.#end) return this.#end.clean ? settled : Promise.reject(this.#end.error)
    const taker = createWaiter<LinkMessage | undefined>(signal, (it) => {
      this.#takers = this.#takers.filter((other) => other !== it)
    })
    this.#takers.push(taker)
    return taker.promise
  }

  #giveBack(message: LinkMessage): void {
    this.#taken += frameCost(message.bytes.length)
    if (this.#taken < CREDIT_STEP_BYTES || this.#end) return
    const bytes = this.#taken
    this.#used -= bytes
    this.#taken = 0
    this.#onCredit(bytes)
  }

  end(reason: CloseReason): void {
    if (this.#end) return
    this.#end = reason
    for (const taker of this.#takers.splice(0)) {
      if (reason.clean) taker.resolve(undefined)
      else taker.reject(reason.error)
    }
  }

  clear(): void {
    this.#messages = []
  }
}

const settled = Promise.resolve(undefined)
