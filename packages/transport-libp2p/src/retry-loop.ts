import { TransportError } from '@vudo/transport'
import { MAX_RETRY_MS, MIN_RETRY_MS } from './limits.ts'

/** Something that is tried until it works, and then again at intervals. */
export interface RetryLoop {
  /** How the try under way ends; between two tries, how the last one did. */
  readonly latest: Promise<void>
  /** Does not wait any longer after a try that failed: what was missing may be there now. */
  hurry(): void
  /** No more tries. The one under way is aborted and waited for. */
  stop(): Promise<void>
}

/** What {@link startRetryLoop} takes. */
export interface RetryLoopInit {
  /** One try. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Milliseconds until it is done again after it worked; left out: never. */
  readonly againMs?: number | undefined
  /** The first of these waits, which doubles up to `againMs`; left out: `againMs`. */
  readonly firstAgainMs?: number | undefined
  /** 0 to 1: spreads the waits, so that nodes that began together do not go on together. */
  readonly random?: (() => number) | undefined
}

/** Begins at once. A try that fails is followed by another one after twice the wait. */
export function startRetryLoop(init: RetryLoopInit): RetryLoop {
  return new Loop(init)
}

class Loop implements RetryLoop {
  readonly #init: RetryLoopInit
  readonly #stopping = new AbortController()
  readonly #done: Promise<void>
  #latest: Promise<void> = Promise.resolve()
  /** Ends the wait after a try that failed; there is none otherwise. */
  #patience: AbortController | undefined

  constructor(init: RetryLoopInit) {
    this.#init = init
    this.#done = this.#go()
  }

  get latest(): Promise<void> {
    return this.#latest
  }

  hurry(): void {
    this.#patience?.abort()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(
      new TransportError(
        'ERR_TRANSPORT_CLOSED',
        'given up: the topic was left, or the transport closed',
      ),
    )
    await this.#done
  }

  async #go(): Promise<void> {
    const { againMs, firstAgainMs = againMs } = this.#init
    const { signal } = this.#stopping
    let failedMs = MIN_RETRY_MS
    let workedMs = firstAgainMs
    while (!signal.aborted) {
      // One try after the other is what a retry is.
      // oxlint-disable-next-line no-await-in-loop
      const hasWorked = await this.#try()
      const nextMs = hasWorked ? workedMs : failedMs
      if (nextMs === undefined) return
      // oxlint-disable-next-line no-await-in-loop
      await this.#wait(nextMs, hasWorked)
      if (hasWorked) workedMs = Math.min(2 * nextMs, againMs ?? nextMs)
      failedMs = hasWorked ? MIN_RETRY_MS : Math.min(2 * failedMs, MAX_RETRY_MS)
    }
  }

  async #try(): Promise<boolean> {
    this.#latest = this.#init.run(this.#stopping.signal)
    try {
      await this.#latest
      return true
    } catch {
      // Whoever wants to know asks for `latest`; for all others the loop goes on.
      return false
    }
  }

  async #wait(ms: number, hasWorked: boolean): Promise<void> {
    const { random = Math.random } = this.#init
    const { signal } = this.#stopping
    const patience = new AbortController()
    if (!hasWorked) this.#patience = patience
    await wait(ms * (1 + random() / 4), AbortSignal.any([signal, patience.signal]))
    this.#patience = undefined
  }
}

/** Settles after `ms`, or when the signal fires. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) return Promise.resolve()
  const onAbort = (): void => {
    clearTimeout(timer)
    resolve()
  }
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', onAbort)
    resolve()
  }, ms)
  signal.addEventListener('abort', onAbort, { once: true })
  return promise
}
