import type { CloseReason, LinkMessage } from '@vudo/transport'
import { createWaiters } from './waiters.ts'

/** Messages that have arrived and wait to be taken. Bounded by the credit of whoever sends them. */
export interface Inbox {
  /** Hands the message to who has waited longest, or keeps it. Ignored after {@link end}. */
  put(message: LinkMessage): void
  /**
   * The next message; after the last one `undefined` when the connection ended
   * cleanly, or its error.
   */
  take(signal: AbortSignal | undefined): Promise<LinkMessage | undefined>
  /** No more will come. What is kept can still be taken. */
  end(reason: CloseReason): void
  /** Throws away what is kept. */
  clear(): void
}

/** Makes an empty inbox; `onTaken` hears of every message that has found its reader. */
export function createInbox(onTaken: (message: LinkMessage) => void): Inbox {
  return new Queue(onTaken)
}

/** Messages taken after which the array is cut: a reader that never quite catches up must not leave a growing trail. */
const maxTrail = 1_024

class Queue implements Inbox {
  readonly #onTaken: (message: LinkMessage) => void
  readonly #takers = createWaiters<LinkMessage | undefined>()
  /** Read from {@link #head} on: taking the first does not move all the others. */
  #messages: LinkMessage[] = []
  #head = 0
  #end: CloseReason | undefined

  constructor(onTaken: (message: LinkMessage) => void) {
    this.#onTaken = onTaken
  }

  put(message: LinkMessage): void {
    if (this.#end) return
    if (this.#takers.resolveFirst(message)) this.#onTaken(message)
    else this.#messages.push(message)
  }

  take(signal: AbortSignal | undefined): Promise<LinkMessage | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const message = this.#messages[this.#head]
    if (message) return Promise.resolve(this.#taken(message))
    if (!this.#end) return this.#takers.wait(signal)
    return this.#end.clean ? Promise.resolve(undefined) : Promise.reject(this.#end.error)
  }

  end(reason: CloseReason): void {
    this.#end ??= reason
    if (reason.clean) this.#takers.resolveAll(undefined)
    else this.#takers.rejectAll(reason.error)
  }

  clear(): void {
    this.#messages = []
    this.#head = 0
  }

  #taken(message: LinkMessage): LinkMessage {
    this.#head++
    if (this.#head === this.#messages.length) {
      this.clear()
    } else if (this.#head >= maxTrail) {
      this.#messages = this.#messages.slice(this.#head)
      this.#head = 0
    }
    this.#onTaken(message)
    return message
  }
}
