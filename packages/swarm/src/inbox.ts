import type { AbortOptions } from '@vudo/transport'
import { MAX_READ_AHEAD_BYTES, MAX_READ_AHEAD_MESSAGES } from './limits.ts'

/**
 * Messages between the loop that reads a link and the application. Holds one message;
 * up to `MAX_READ_AHEAD_BYTES` and `MAX_READ_AHEAD_MESSAGES` more while the application has not asked at all, because
 * the peer's topics, for which the application waits, may come behind them.
 */
export interface Inbox {
  /** False: do not read from the link until `onRoom`. */
  readonly hasRoom: boolean
  put(message: Uint8Array): void
  /** After what is here, readers get `undefined`, or `error` if there is one. The first call counts. */
  end(error?: Error): void
  take(options?: AbortOptions): Promise<Uint8Array | undefined>
}

/** Makes an empty inbox; `onRoom` is called when a message was taken. */
export function createInbox(onRoom: () => void): Inbox {
  return new MessageInbox(onRoom)
}

interface Reader {
  readonly resolve: (message: Uint8Array | undefined) => void
  readonly reject: (error: unknown) => void
}

class MessageInbox implements Inbox {
  readonly #onRoom: () => void
  readonly #messages: Uint8Array[] = []
  readonly #readers: Reader[] = []
  #bytes = 0
  #isRead = false
  #ending: { readonly error: Error | undefined } | undefined

  constructor(onRoom: () => void) {
    this.#onRoom = onRoom
  }

  get hasRoom(): boolean {
    const count = this.#messages.length
    if (count === 0) return true
    if (this.#isRead) return false
    return count < MAX_READ_AHEAD_MESSAGES && this.#bytes < MAX_READ_AHEAD_BYTES
  }

  put(message: Uint8Array): void {
    const reader = this.#readers.shift()
    if (reader) return reader.resolve(message)
    this.#messages.push(message)
    this.#bytes += message.length
  }

  end(error?: Error): void {
    if (this.#ending) return
    this.#ending = { error }
    for (const reader of this.#readers.splice(0)) settle(reader, error)
  }

  take(options?: AbortOptions): Promise<Uint8Array | undefined> {
    const signal = options?.signal
    if (signal?.aborted) return rejectedBy(signal)
    this.#isRead = true
    const message = this.#messages.shift()
    if (message) {
      this.#bytes -= message.length
      this.#onRoom()
      return Promise.resolve(message)
    }
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject }
      if (this.#ending) settle(reader, this.#ending.error)
      else this.#readers.push(signal ? this.#abortable(reader, signal) : reader)
    })
  }

  /** A reader that gives up takes no message with it: the next one gets it. */
  #abortable({ resolve, reject }: Reader, signal: AbortSignal): Reader {
    const onAbort = (): void => {
      this.#readers.splice(this.#readers.indexOf(reader), 1)
      reject(signal.reason)
    }
    const done = (): void => {
      signal.removeEventListener('abort', onAbort)
    }
    const reader: Reader = {
      resolve: (message) => {
        done()
        resolve(message)
      },
      reject: (error) => {
        done()
        reject(error)
      },
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return reader
  }
}

async function rejectedBy(signal: AbortSignal): Promise<undefined> {
  signal.throwIfAborted()
}

function settle(reader: Reader, error: Error | undefined): void {
  if (error) reader.reject(error)
  else reader.resolve(undefined)
}
