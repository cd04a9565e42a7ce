import type { PageMessage, WorkerMessage } from './page-messages.ts'
import { ownThread } from './vetting-thread.browser.ts'
import type { VettingThread } from './vetting-thread.ts'

/** The threads that this page has started for a SharedWorker. */
export class OwnThreads {
  readonly #post: (message: PageMessage) => void
  readonly #threads = new Map<number, VettingThread>()

  constructor(post: (message: PageMessage) => void) {
    this.#post = post
  }

  /** Takes what the worker says of them. */
  take(message: WorkerMessage & { readonly thread: number }): void {
    const { thread } = message
    if (message.type === 'thread-start') this.#start(thread)
    else if (message.type === 'thread-post') this.#threads.get(thread)?.post(message.pieces)
    else this.#end(thread)
  }

  #start(thread: number): void {
    const started = ownThread({
      onAnswer: (answer) => this.#post({ type: 'thread-said', thread, answer }),
      onFailed: (reason) => this.#post({ type: 'thread-failed', thread, reason }),
      onLost: (reason) => this.#post({ type: 'thread-lost', thread, reason }),
    })
    this.#threads.set(thread, started)
  }

  #end(thread: number): void {
    void this.#threads.get(thread)?.end()
    this.#threads.delete(thread)
  }

  close(): void {
    for (const thread of this.#threads.keys()) this.#end(thread)
  }
}
