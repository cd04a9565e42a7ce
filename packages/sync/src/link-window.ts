import { MAX_LINK_MESSAGES } from './limits.ts'

/** Numbers the messages of one direction of a link, and lets only so many be on their way that the far end has not taken. */
export class LinkWindow {
  #last = 0
  #taken = 0

  /** True while another message may be sent; else what is to be said waits, and is said together. */
  get isOpen(): boolean {
    return this.#last - this.#taken < MAX_LINK_MESSAGES
  }

  /** The number of the last message that was sent. */
  get last(): number {
    return this.#last
  }

  /** The number of the message that is being sent. */
  next(): number {
    this.#last += 1
    return this.#last
  }

  /** The far end has taken a message, and all before it. */
  taken(number: number): void {
    this.#taken = Math.min(this.#last, Math.max(this.#taken, number))
  }
}
