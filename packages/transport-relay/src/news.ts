import type { Runtime } from '@vudo/swarm'

/** Lets callers wait for a condition that news may bring about. */
export interface News {
  /** Whoever waits looks again. */
  tell(): void
  /**
   * Waits until `condition` holds, but no longer than `ms`, nor than all is closed.
   *
   * @throws The signal's reason.
   */
  until(condition: () => boolean, options: WaitOptions): Promise<void>
}

/** How long to wait. */
export interface WaitOptions {
  readonly ms: number
  readonly signal?: AbortSignal | undefined
}

/** Makes news that nobody waits for; `closing` ends every wait. */
export function createNews(runtime: Runtime, closing: AbortSignal): News {
  return new Waiters(runtime, closing)
}

class Waiters implements News {
  readonly #runtime: Runtime
  readonly #closing: AbortSignal
  #waiting: (() => void)[] = []

  constructor(runtime: Runtime, closing: AbortSignal) {
    this.#runtime = runtime
    this.#closing = closing
    closing.addEventListener('abort', () => this.tell(), { once: true })
  }

  tell(): void {
    for (const resume of this.#waiting.splice(0)) resume()
  }

  async until(condition: () => boolean, { ms, signal }: WaitOptions): Promise<void> {
    const limit = { isOver: false }
    const wake = (): void => this.tell()
    const cancel = this.#runtime.setTimer(ms, () => {
      limit.isOver = true
      wake()
    })
    signal?.addEventListener('abort', wake, { once: true })
    try {
      while (!condition() && !limit.isOver && !this.#closing.aborted) {
        signal?.throwIfAborted()
        // oxlint-disable-next-line no-await-in-loop
        await new Promise<void>((resolve) => void this.#waiting.push(resolve))
      }
      signal?.throwIfAborted()
    } finally {
      signal?.removeEventListener('abort', wake)
      cancel()
    }
  }
}
