/** The thread in which a document is opened: one of Node's worker threads. `#vetting-thread` stands for this file, or for `vetting-thread.browser.ts`. */
import { Worker } from 'node:worker_threads'
import { MAX_VETTING_HEAP_MB } from './limits.ts'
import { pause } from './pause.ts'
import type { VettingAnswer } from './vetting.ts'

/** A thread for one document. */
export interface VettingThread {
  /** Sends what is to be opened; once, after it has said that it is ready. Copied; the caller keeps it. */
  post(pieces: readonly Uint8Array[]): void
  /** Milliseconds of CPU that it has used; `undefined` when the platform does not tell. Rejects when the signal aborts. */
  cpuMs(signal: AbortSignal): Promise<number | undefined>
  /** Ends it, in the middle of whatever it does. Idempotent. */
  end(): Promise<void>
}

/** Who is told what a thread says. */
export interface VettingListener {
  onAnswer(answer: VettingAnswer): void
  /** It failed by itself. */
  onFailed(reason: string): void
  /**
   * It went through no fault of the document: another one is to be started.
   *
   * @param reason - Why it could not be started; `undefined` when it went with the page that had lent it.
   */
  onLost(reason: string | undefined): void
}

/** Starts one. */
export function startVettingThread(listener: VettingListener): VettingThread {
  const worker = startWorker()
  worker.on('message', (answer: VettingAnswer) => listener.onAnswer(answer))
  worker.once('error', (error) => listener.onFailed(String(error)))
  worker.once('exit', () => listener.onFailed('its thread ended'))
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    post: (pieces) => worker.postMessage(pieces),
    cpuMs: (signal) => cpuOf(worker, signal),
    end: async () => void (await worker.terminate()),
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

/** `undefined` when Node does not tell (before 24.6), or the thread is too busy to. */
async function cpuOf(worker: Worker, signal: AbortSignal): Promise<number | undefined> {
  if (typeof worker.cpuUsage !== 'function') return undefined
  const usage = worker.cpuUsage().then(
    ({ user, system }) => (user + system) / 1_000,
    // The thread has ended: whoever watches is told so.
    () => undefined,
  )
  return Promise.race([usage, pause(1_000, signal).then(() => undefined)])
}
