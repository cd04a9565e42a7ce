import { isSyncError } from './errors.ts'
import { addLender } from './lent-threads.ts'
import { holdLifeLock, platformLocks, watchLife, type LifeLock } from './life-locks.ts'
import { PAGE_END_GRACE_MS } from './limits.ts'
import { sendError } from './link-errors.ts'
import { isPageHello, type PageHello, type WorkerMessage } from './page-messages.ts'
import { PageThreads } from './page-threads.ts'
import type { Database } from './sync-types.ts'

/** What {@link servePages} takes, for tests. */
export interface PagesInit {
  /** Where pages are heard. @defaultValue the worker itself */
  readonly scope?: EventTarget | undefined
  /** @defaultValue `navigator.locks` */
  readonly locks?: LockManager | undefined
}

/**
 * Serves a database to every page that calls `connectWorker` with this worker. To be called at once, as
 * the program of the worker begins, and `open` brings everything else by a dynamic `import()`.
 *
 * What a page has open is closed when the page ends, however that happens; the database stays open for as long as the worker lives.
 * Where opening fails, each page that waits is told why, and the next one tries again. So it is with a database that the program has
 * closed: the next page has it opened anew.
 *
 * @param open - Called when the first page comes; gives what `openDatabase` gave in this worker.
 * @throws `Error` where there are no Web Locks.
 */
export function servePages(open: () => Promise<Database>, init: PagesInit = {}): void {
  const { scope = globalThis, locks = platformLocks() } = init
  const pages = new Pages(open, locks)
  const onMessage = (event: Event): void => {
    const { data }: { readonly data?: unknown } = Object(event)
    if (isPageHello(data)) pages.serve(data)
  }
  scope.addEventListener('message', onMessage)
  scope.addEventListener('connect', (event) => {
    const { ports = [] }: { readonly ports?: readonly MessagePort[] } = Object(event)
    ports[0]?.addEventListener('message', onMessage)
    ports[0]?.start()
  })
}

class Pages {
  readonly #open: () => Promise<Database>
  readonly #locks: LockManager
  readonly #life: Promise<LifeLock>
  #database: Promise<Database> | undefined

  constructor(open: () => Promise<Database>, locks: LockManager) {
    this.#open = open
    this.#locks = locks
    this.#life = holdLifeLock(locks)
    // Each page is told.
    this.#life.catch(() => {})
  }

  serve(hello: PageHello): void {
    const page = new ServedPage(hello, this.#locks)
    void page.run(() => this.#begin(page))
  }

  async #begin(page: ServedPage): Promise<void> {
    // Before anything is opened: without it no page would get the database, and nobody close it.
    page.greet(await this.#life)
    const known = this.#database
    const opening = (this.#database ??= this.#open())
    let isOpen = false
    try {
      const database = await opening
      isOpen = true
      await page.serve(database)
    } catch (error) {
      const isClosed = isOpen && isSyncError(error) && error.code === 'ERR_DATABASE_CLOSED'
      // Another page may have begun anew meanwhile.
      if ((isClosed || !isOpen) && this.#database === opening) this.#database = undefined
      if (isClosed && known) return this.#begin(page)
      throw error
    }
  }
}

/** One page, for as long as it lives. */
class ServedPage {
  readonly #port: MessagePort
  readonly #threads: PageThreads
  readonly #ended = Promise.withResolvers<void>()
  readonly #stopWatching: () => void
  #grace: ReturnType<typeof setTimeout> | undefined

  constructor({ port, lock }: PageHello, locks: LockManager) {
    this.#port = port
    this.#threads = new PageThreads(port)
    this.#stopWatching = watchLife(locks, lock, () => {
      this.#grace = setTimeout(() => this.#ended.resolve(), PAGE_END_GRACE_MS)
    })
    port.addEventListener('message', ({ data }) => this.#threads.take(data))
    // Where the platform tells, it does so behind all that the page has said.
    port.addEventListener('close', () => this.#ended.resolve())
    port.start()
  }

  /** @param begin - Calls {@link serve}. @returns settles, and never rejects, when the page has ended. */
  async run(begin: () => Promise<void>): Promise<void> {
    try {
      await begin()
    } catch (error) {
      this.#post({ type: 'failed', error: sendError(error) })
      // It closes the port when it has read that.
      await this.#ended.promise
    } finally {
      this.#stopWatching()
      clearTimeout(this.#grace)
      this.#port.close()
    }
  }

  /** A worker that ends while it opens the database is missed. */
  greet({ name }: LifeLock): void {
    this.#post({ type: 'heard', lock: name })
  }

  async serve(database: Database): Promise<void> {
    const { serveDatabase } = await import('./serve-database.ts')
    const { port1, port2 } = new MessageChannel()
    const served = serveDatabase(database, port1)
    const takeBack = addLender(this.#threads)
    try {
      this.#post({ type: 'opened', link: port2 }, [port2])
      await Promise.race([served.ended, this.#ended.promise])
    } finally {
      takeBack()
      this.#threads.close()
      await served.close()
    }
  }

  #post(message: WorkerMessage, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer)
  }
}
