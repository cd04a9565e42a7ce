import type { LinkMessage } from '@vudo/transport'
import { MAX_WAITING_BYTES, MAX_WAITING_MESSAGES } from './limits.ts'

/**
 * The receiving half of a link: messages that nobody has asked for yet. At
 * `MAX_WAITING_BYTES` or `MAX_WAITING_MESSAGES` the next record is not read, which is
 * the back-pressure; at most one message of 1 MiB goes beyond it.
 */
export interface Inbox {
  /** Adds the messages of a record. Nothing happens after the end. */
  push(messages: readonly LinkMessage[]): void
  /** Settles when there is room for another record. */
  room(): Promise<void>
  /** The next message; at the end, `undefined` or a rejection. */
  receive(signal?: AbortSignal): Promise<LinkMessage | undefined>
  /** Ends it: what is there can still be received, then `undefined`, or `error` again and again. */
  end(error?: Error): void
  /** Ends it with `error` and throws away what is there. */
  discard(error: Error): void
}

/** Makes an empty inbox. */
export function createInbox(): Inbox {
  return new RecordInbox()
}

interface Receiver {
  deliver(message: LinkMessage | undefined): void
  fail(error: unknown): void
}

class RecordInbox implements Inbox {
  #messages: LinkMessage[] = []
  #bytes = 0
  #receivers: Receiver[] = []
  #end: { readonly error: Error | undefined } | undefined
  #room: PromiseWithResolvers<void> | undefined

  push(messages: readonly LinkMessage[]): void {
    if (this.#end) return
    for (const message of messages) {
      const receiver = this.#receivers.shift()
      if (receiver) receiver.deliver(message)
      else this.#keep(message)
    }
  }

  #keep(message: LinkMessage): void {
    this.#messages.push(message)
    this.#bytes += message.bytes.length
  }

  get #isFull(): boolean {
    return this.#bytes >= MAX_WAITING_BYTES || this.#messages.length >= MAX_WAITING_MESSAGES
  }

  async room(): Promise<void> {
    if (!this.#isFull) return
    this.#room ??= Promise.withResolvers<void>()
    await this.#room.promise
  }

  async receive(signal?: AbortSignal): Promise<LinkMessage | undefined> {
    signal?.throwIfAborted()
    const message = this.#messages.shift()
    if (message) {
      this.#bytes -= message.bytes.length
      this.#makeRoom()
      return message
    }
    if (!this.#end) return this.#wait(signal)
    if (this.#end.error) throw this.#end.error
    return undefined
  }

  #wait(signal: AbortSignal | undefined): Promise<LinkMessage | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<LinkMessage | undefined>()
    const onAbort = (): void => {
      // The next message goes to whoever asks next, and is not lost.
      this.#receivers = this.#receivers.filter((other) => other !== receiver)
      receiver.fail(signal?.reason)
    }
    const receiver: Receiver = {
      deliver(message) {
        signal?.removeEventListener('abort', onAbort)
        resolve(message)
      },
      fail(error) {
        signal?.removeEventListener('abort', onAbort)
        reject(error)
      },
    }
    signal?.addEventListener('abort', onAbort)
    this.#receivers.push(receiver)
    return promise
  }

  end(error?: Error): void {
    if (this.#end) return
    this.#end = { error }
    const receivers = this.#receivers
    this.#receivers = []
    for (const receiver of receivers) {
      if (error) receiver.fail(error)
      else receiver.deliver(undefined)
    }
  }

  discard(error: Error): void {
    this.#messages = []
    this.#bytes = 0
    this.#makeRoom()
    this.end(error)
  }

  #makeRoom(): void {
    if (this.#isFull) return
    this.#room?.resolve()
    this.#room = undefined
  }
}
