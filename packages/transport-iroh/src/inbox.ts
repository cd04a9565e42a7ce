import type { CloseReason, LinkMessage } from '@vudo/transport'
import { MAX_QUEUED_BYTES, MAX_QUEUED_MESSAGES } from './limits.ts'
import { createWaiters } from './waiters.ts'

/** Messages that have arrived and wait to be taken. */
export interface Inbox {
  /** True from `MAX_QUEUED_BYTES` or `MAX_QUEUED_MESSAGES` on: stop reading the stream. */
  readonly isFull: boolean
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

/** Makes an empty inbox. */
export function createInbox(): Inbox {
  return new Queue()
}

class Queue implements Inbox {
  readonly #takers = createWaiters<LinkMessage | undefined>()
  /** Read from {@link #head} on: taking the first does not move all the others. */
  #messages: LinkMessage[] = []
  #head = 0
  #bytes = 0
  #end: CloseReason | undefined

  get isFull(): boolean {
    return (
      this.#bytes >= MAX_QUEUED_BYTES || this.#messages.length - this.#head >= MAX_QUEUED_MESSAGES
    )
  }

  put(message: LinkMessage): void {
    if (this.#end || this.#takers.resolveFirst(message)) return
    this.#messages.push(message)
    this.#bytes += message.bytes.length
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
    this.#bytes = 0
  }

  #taken(message: LinkMessage): LinkMessage {
    this.#head++
    this.#bytes -= message.bytes.length
    if (this.#head === this.#messages.length) {
      this.clear()
    } else if (this.#head >= MAX_QUEUED_MESSAGES) {
      // A reader that never quite catches up must not leave a growing trail behind it.
      this.#messages = this.#messages.slice(this.#head)
      this.#head = 0
    }
    return message
  }
}
