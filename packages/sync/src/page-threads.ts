import type { ThreadLender } from './lent-threads.ts'
import type { PageMessage, WorkerMessage } from './page-messages.ts'
import type { VettingListener, VettingThread } from './vetting-thread.ts'

/** The threads that a page lends to this worker. */
export class PageThreads implements ThreadLender {
  readonly #port: MessagePort
  readonly #listeners = new Map<number, VettingListener>()
  #lastThread = 0

  constructor(port: MessagePort) {
    this.#port = port
  }

  start(listener: VettingListener): VettingThread {
    const thread = ++this.#lastThread
    this.#listeners.set(thread, listener)
    this.#post({ type: 'thread-start', thread })
    return {
      post: (pieces) => this.#post({ type: 'thread-post', thread, pieces }),
      cpuMs: () => Promise.resolve(undefined),
      end: () => {
        if (this.#listeners.delete(thread)) this.#post({ type: 'thread-end', thread })
        return Promise.resolve()
      },
    }
  }

  /** Takes what the page says. */
  take(message: PageMessage): void {
    const listener = this.#listeners.get(message.thread)
    if (!listener) return
    if (message.type === 'thread-said') listener.onAnswer(message.answer)
    else if (message.type === 'thread-failed') listener.onFailed(message.reason)
    else listener.onLost(message.reason)
  }

  /** The page has gone. */
  close(): void {
    const lost = [...this.#listeners.values()]
    this.#listeners.clear()
    for (const listener of lost) listener.onLost(undefined)
  }

  #post(message: WorkerMessage): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
    this.#port.postMessage(message)
  }
}
