import type { CloseReason, LinkMessage } from '@vudo/transport'
import { MAX_TAKEN_BEHIND } from './limits.ts'
import { createWaiters } from './waiters.ts'

/** What a {@link LinkInbox} is told. */
export interface LinkInboxOptions {
  /** Bytes from which it is full. @defaultValue no bound: whoever sends has a credit that bounds it */
  readonly maxBytes?: number | undefined
  /** Messages from which it is full: small ones cost more than their bytes. @defaultValue no bound, for the same reason */
  readonly maxMessages?: number | undefined
  /** Hears of every message that has found its reader. */
  readonly onTaken?: ((message: LinkMessage) => void) | undefined
}

/** Messages of a link that have arrived and wait to be taken. */
export interface LinkInbox {
  /** True from one of its bounds on: stop reading the medium. What still comes is kept. */
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

/** Makes an empty inbox, for the `receive` of a link. */
export function createLinkInbox(options: LinkInboxOptions = {}): LinkInbox {
  return new Queue(options)
}

class Queue implements LinkInbox {
  readonly #maxBytes: number
  readonly #maxMessages: number
  readonly #onTaken: ((message: LinkMessage) => void) | undefined
  readonly #takers = createWaiters<LinkMessage | undefined>()
  /** Read from {@link #head} on: taking the first does not move all the others. */
  #messages: LinkMessage[] = []
  #head = 0
  #bytes = 0
  #end: CloseReason | undefined

  constructor({ maxBytes = Infinity, maxMessages = Infinity, onTaken }: LinkInboxOptions) {
    this.#maxBytes = maxBytes
    this.#maxMessages = maxMessages
    this.#onTaken = onTaken
  }

  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes || this.#messages.length - this.#head >= this.#maxMessages
  }

  put(message: LinkMessage): void {
    if (this.#end) return
    if (this.#takers.resolveFirst(message)) return this.#onTaken?.(message)
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
    } else if (this.#head >= MAX_TAKEN_BEHIND) {
      // A reader that never quite catches up must not leave a growing trail behind it.
      this.#messages = this.#messages.slice(this.#head)
      this.#head = 0
    }
    this.#onTaken?.(message)
    return message
  }
}
