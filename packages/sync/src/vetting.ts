import { startVettingThread } from '#vetting-thread'
import { MAX_VETTING_CPU_MS, MAX_VETTING_WALL_MS, VETTING_RETRY_MS } from './limits.ts'
import { pause } from './pause.ts'
import type { VettingThread } from './vetting-thread.ts'

/** What became of a document in the vetting thread. */
export type Verdict =
  | {
      readonly type: 'fine'
      readonly operations: number
      readonly changes: number
      readonly heads: readonly string[]
    }
  /** It took more than it may, or holds what no document may hold. */
  | { readonly type: 'refused'; readonly reason: string }

/** What the vetting thread says. */
export type VettingAnswer = { readonly type: 'ready' } | Verdict

/** Opens documents away from the application's thread, to learn what opening them costs. */
export interface Vetting {
  /**
   * Opens what the pieces make together: a saved document, or one and what is to be added.
   * One at a time; others wait. Never rejects.
   *
   * @param pieces - Copied; the caller keeps them.
   */
  vet(pieces: readonly Uint8Array[]): Promise<Verdict>
  /** Ends the thread. Who still waits is told that nothing was found out. Idempotent. */
  close(): Promise<void>
}

/** What {@link createVetting} takes. */
export interface VettingInit {
  /** Told why no thread can be started, once until one has been: documents wait meanwhile. */
  readonly onStuck?: ((reason: string) => void) | undefined
  /** For tests. @defaultValue `MAX_VETTING_CPU_MS` */
  readonly maxCpuMs?: number | undefined
  /** For tests. @defaultValue `MAX_VETTING_WALL_MS` */
  readonly maxWallMs?: number | undefined
}

/**
 * Makes the vetting of a database. A thread is started for each document and ended after
 * it: the memory of WebAssembly never shrinks, and a thread can be stopped in the middle.
 */
export function createVetting(init: VettingInit = {}): Vetting {
  return new ThreadVetting(init)
}

const closedVerdict: Verdict = { type: 'refused', reason: 'the database was closed' }

class ThreadVetting implements Vetting {
  readonly #maxCpuMs: number
  readonly #maxWallMs: number
  readonly #onStuck: VettingInit['onStuck']
  #isStuck = false
  /** Settles when the last one that was asked for is done. */
  #last: Promise<unknown> = Promise.resolve()
  readonly #closed = new AbortController()

  constructor(init: VettingInit) {
    const { maxCpuMs = MAX_VETTING_CPU_MS, maxWallMs = MAX_VETTING_WALL_MS, onStuck } = init
    this.#maxCpuMs = maxCpuMs
    this.#maxWallMs = maxWallMs
    this.#onStuck = onStuck
  }

  vet(pieces: readonly Uint8Array[]): Promise<Verdict> {
    const verdict = this.#last.then(() => this.#run(pieces))
    this.#last = verdict
    return verdict
  }

  async #run(pieces: readonly Uint8Array[]): Promise<Verdict> {
    for (;;) {
      const verdict = await this.#runOnce(pieces)
      if (verdict) return verdict
      // Closed meanwhile: the next turn says so.
      await pause(VETTING_RETRY_MS, this.#closed.signal).catch(() => {})
    }
  }

  /** @returns `undefined` when the thread was lost, and nothing was found out. */
  async #runOnce(pieces: readonly Uint8Array[]): Promise<Verdict | undefined> {
    const { signal } = this.#closed
    if (signal.aborted) return closedVerdict
    const { promise, resolve } = Promise.withResolvers<Verdict | undefined>()
    const done = new AbortController()
    const watched: Promise<void>[] = []
    const thread = startVettingThread({
      onAnswer: (answer) => {
        if (answer.type !== 'ready') return resolve(answer)
        this.#isStuck = false
        thread.post(pieces)
        watched.push(this.#watch(thread, done.signal, resolve))
      },
      onFailed: (reason) => resolve({ type: 'refused', reason }),
      onLost: (reason) => {
        if (reason !== undefined) this.#noteStuck(reason)
        resolve(undefined)
      },
    })
    const onClosed = (): void => resolve(closedVerdict)
    signal.addEventListener('abort', onClosed)
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onClosed)
      done.abort()
      await Promise.all([thread.end(), ...watched])
    }
  }

  #noteStuck(reason: string): void {
    if (this.#isStuck) return
    this.#isStuck = true
    this.#onStuck?.(reason)
  }

  /** CPU counts; on a busy machine the time of the clock says little about a document. */
  async #watch(
    thread: VettingThread,
    signal: AbortSignal,
    resolve: (verdict: Verdict) => void,
  ): Promise<void> {
    const beganMs = performance.now()
    const wallLeft = (): number => this.#maxWallMs - (performance.now() - beganMs)
    try {
      let usedMs = 0
      while (usedMs < this.#maxCpuMs && wallLeft() > 0) {
        await pause(Math.max(1, Math.min(this.#maxCpuMs - usedMs, wallLeft())), signal)
        usedMs = (await thread.cpuMs(signal)) ?? performance.now() - beganMs
      }
    } catch {
      // Aborted: the verdict is there.
      return
    }
    resolve({ type: 'refused', reason: `it takes more than ${this.#maxCpuMs} ms of CPU to open` })
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#last
  }
}
