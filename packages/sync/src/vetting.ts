import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { MAX_VETTING_CPU_MS, MAX_VETTING_HEAP_MB, MAX_VETTING_WALL_MS } from './limits.ts'

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

/** What {@link createVetting} takes, for tests. */
export interface VettingInit {
  /** @defaultValue `MAX_VETTING_CPU_MS` */
  readonly maxCpuMs?: number | undefined
  /** @defaultValue `MAX_VETTING_WALL_MS` */
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
  /** Settles when the last one that was asked for is done. */
  #last: Promise<unknown> = Promise.resolve()
  readonly #closed = new AbortController()

  constructor({ maxCpuMs = MAX_VETTING_CPU_MS, maxWallMs = MAX_VETTING_WALL_MS }: VettingInit) {
    this.#maxCpuMs = maxCpuMs
    this.#maxWallMs = maxWallMs
  }

  vet(pieces: readonly Uint8Array[]): Promise<Verdict> {
    const verdict = this.#last.then(() => this.#run(pieces))
    this.#last = verdict
    return verdict
  }

  async #run(pieces: readonly Uint8Array[]): Promise<Verdict> {
    const { signal } = this.#closed
    if (signal.aborted) return closedVerdict
    const worker = startWorker()
    const { promise, resolve } = Promise.withResolvers<Verdict>()
    const done = new AbortController()
    const watched: Promise<void>[] = []
    worker.on('message', (answer: VettingAnswer) => {
      if (answer.type !== 'ready') return resolve(answer)
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(pieces)
      watched.push(this.#watch(worker, done.signal, resolve))
    })
    worker.once('error', (error) => resolve({ type: 'refused', reason: String(error) }))
    worker.once('exit', () => resolve({ type: 'refused', reason: 'its thread ended' }))
    const onClosed = (): void => resolve(closedVerdict)
    signal.addEventListener('abort', onClosed)
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onClosed)
      done.abort()
      await Promise.all([worker.terminate(), ...watched])
    }
  }

  /** CPU counts; on a busy machine the time of the clock says little about a document. */
  async #watch(
    worker: Worker,
    signal: AbortSignal,
    resolve: (verdict: Verdict) => void,
  ): Promise<void> {
    const beganMs = performance.now()
    const wallLeft = (): number => this.#maxWallMs - (performance.now() - beganMs)
    try {
      let usedMs = 0
      while (usedMs < this.#maxCpuMs && wallLeft() > 0) {
        await sleep(Math.max(1, Math.min(this.#maxCpuMs - usedMs, wallLeft())), undefined, {
          signal,
        })
        usedMs = (await cpuOf(worker, signal)) ?? performance.now() - beganMs
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

function startWorker(): Worker {
  // Sources run as they are in the workspace, and compiled where the package is installed.
  const isSource = import.meta.url.endsWith('.ts')
  const program = isSource
    ? new URL('./vetting-worker.ts', import.meta.url)
    : new URL('./vetting-worker.js', import.meta.url)
  return new Worker(program, {
    resourceLimits: { maxOldGenerationSizeMb: MAX_VETTING_HEAP_MB },
    execArgv: [],
    stdout: true,
    stderr: true,
  })
}

/** Milliseconds of CPU that a thread has used; `undefined` when Node does not tell (before 24.6), or the thread is too busy to. */
async function cpuOf(worker: Worker, signal: AbortSignal): Promise<number | undefined> {
  if (typeof worker.cpuUsage !== 'function') return undefined
  const usage = worker.cpuUsage().then(
    ({ user, system }) => (user + system) / 1_000,
    // The thread has ended: whoever watches is told so.
    () => undefined,
  )
  return Promise.race([usage, sleep(1_000, undefined, { signal })])
}
