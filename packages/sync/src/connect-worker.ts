import type { AbortOptions } from '@vudo/transport'
import { connectDatabase } from './connect-database.ts'
import { workerEnded } from './link-client.ts'
import { holdLifeLock, platformLocks, watchLife, type LifeLock } from './life-locks.ts'
import { receiveError } from './link-errors.ts'
import type { MessageEnd } from './link-port.ts'
import { OwnThreads } from './own-threads.ts'
import type { PageHello, WorkerMessage } from './page-messages.ts'
import type { Database } from './sync-types.ts'

/** A worker as pages see it. */
export type DatabaseWorker = SharedWorker | Worker

/** What {@link connectWorker} takes. */
export interface WorkerInit extends AbortOptions {
  /** For tests. @defaultValue `navigator.locks` */
  readonly locks?: LockManager | undefined
}

/**
 * Works with the database of a worker whose program calls `servePages`. Documents that are open
 * here are real Automerge documents of this page; storage, network and everything else are in the
 * worker. With a SharedWorker all pages of the origin work with one database.
 *
 * What `connectDatabase` says of the database holds here as well. The worker stays the caller's; `close`
 * ends the use of this page alone.
 *
 * @throws what opening the database threw in the worker, rebuilt: `StoreError` `ERR_STORE_LOCKED` when a dedicated worker of
 *   another page has the store; `SyncError` `ERR_WORKER_ENDED` when it ends meanwhile; `Error` when the worker's program cannot be loaded, or where there are no Web Locks; the signal's reason.
 */
export async function connectWorker(
  worker: DatabaseWorker,
  { signal, locks = platformLocks() }: WorkerInit = {},
): Promise<Database> {
  signal?.throwIfAborted()
  const life = await holdLifeLock(locks)
  const end = new WorkerEnd(locks, life)
  const onError = (event: Event): void => end.fail(notLoaded(event))
  worker.addEventListener('error', onError)
  const onAbort = (): void => end.fail(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    end.hail(worker)
    await end.opened
    return await connectDatabase(end, { signal })
  } catch (error) {
    end.close()
    throw error
  } finally {
    worker.removeEventListener('error', onError)
    signal?.removeEventListener('abort', onAbort)
  }
}

function notLoaded(event: Event): Error {
  const { message }: { readonly message?: unknown } = Object(event)
  const why = typeof message === 'string' && message !== '' ? `: ${message}` : ''
  return new Error(`the program of the worker failed before it served a database${why}`)
}

/** The page's end of a link: the worker's port, and its end when the worker has gone. */
class WorkerEnd implements MessageEnd {
  /** Settles when the worker has the database open. */
  readonly opened: Promise<void>
  readonly #opened = Promise.withResolvers<void>()
  readonly #locks: LockManager
  readonly #life: LifeLock
  readonly #channel = new MessageChannel()
  readonly #threads: OwnThreads
  readonly #onEnd = new Set<() => void>()
  #link: MessagePort | undefined
  #stopWatching: (() => void) | undefined

  constructor(locks: LockManager, life: LifeLock) {
    this.opened = this.#opened.promise
    this.#locks = locks
    this.#life = life
    const { port1 } = this.#channel
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
    this.#threads = new OwnThreads((message) => port1.postMessage(message))
    port1.addEventListener('message', ({ data }) => this.#take(data))
    port1.start()
  }

  hail(worker: DatabaseWorker): void {
    const port = this.#channel.port2
    const hello: PageHello = { type: 'vudo:page', port, lock: this.#life.name }
    const target = 'port' in worker ? worker.port : worker
    target.postMessage(hello, [port])
  }

  fail(error: unknown): void {
    this.#opened.reject(error)
  }

  #take(message: WorkerMessage): void {
    if (message.type === 'failed') this.fail(receiveError(message.error))
    else if (message.type === 'heard') this.#watch(message.lock)
    else if (message.type === 'opened') this.#begin(message.link)
    else this.#threads.take(message)
  }

  #watch(lock: string): void {
    this.#stopWatching?.()
    this.#stopWatching = watchLife(this.#locks, lock, () => {
      this.fail(workerEnded())
      for (const onEnd of this.#onEnd) onEnd()
    })
  }

  #begin(link: MessagePort): void {
    this.#link = link
    this.#opened.resolve()
  }

  postMessage(message: unknown): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
    this.#link?.postMessage(message)
  }

  addEventListener(event: string, listener: (event: unknown) => void): void {
    this.#link?.addEventListener(event, listener)
    if (event === 'close') this.#onEnd.add(() => listener(new Event('close')))
  }

  start(): void {
    this.#link?.start()
  }

  close(): void {
    this.#stopWatching?.()
    this.#threads.close()
    this.#link?.close()
    this.#channel.port1.close()
    this.#life.release()
  }
}
