import * as Automerge from '@automerge/automerge'
import { parsePath, type Database, type DocumentChange, type DocumentHandle } from '@vudo/sync'
import { trimPath } from './nodes.ts'
import { configuredDatabase, stopWithEngine } from './sync-engine.ts'

/** What {@link listenToDoc} tells. */
export interface DocChange<T extends object> {
  /** The content now. It is shared: do not change it. */
  readonly doc: Automerge.Doc<T>
  /** How it came out of the content before, as Automerge says it. */
  readonly patches: readonly Automerge.Patch[]
  readonly patchInfo: {
    /** Heads before and now. */
    readonly before: readonly string[]
    readonly after: readonly string[]
    /** The peer that the change came from, or `local`. */
    readonly source: string
  }
  /** The open document, as long as it is listened to: not yours to close. */
  readonly handle: DocumentHandle<T>
}

/**
 * Calls `listener` after each change of the document at a path, whoever makes it. The document
 * may begin later, and end and begin anew meanwhile.
 *
 * @returns Takes the listener away and lets go of the document.
 * @throws `KeepsyncError` `ERR_ENGINE_NOT_CONFIGURED`; `SyncError` `ERR_PATH_INVALID`,
 *   `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`.
 */
export async function listenToDoc<T extends object>(
  path: string,
  listener: (change: DocChange<T>) => void,
): Promise<() => void> {
  const doc = new DocListener<T>(configuredDatabase(), parsePath(trimPath(path)), listener)
  const remove = stopWithEngine(() => doc.stop())
  await doc.start()
  return () => {
    remove()
    void doc.stop()
  }
}

class DocListener<T extends object> {
  readonly #database: Database
  readonly #path: string
  readonly #listener: (change: DocChange<T>) => void
  readonly #offs: readonly (() => void)[]
  #handle: DocumentHandle<T> | undefined
  #before: readonly string[] = []
  /** Opening and closing happen one after the other. */
  #last: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(database: Database, path: string, listener: (change: DocChange<T>) => void) {
    this.#database = database
    this.#path = path
    this.#listener = listener
    const { events } = database
    this.#offs = [
      events.on('document:changed', (change) => this.#onChange(change)),
      events.on('document:deleted', (change) => {
        if (change.path === path) this.#use(undefined)
      }),
    ]
  }

  /** What is there when it begins is no news. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      const entry = (await this.#database.ls(this.#path)).find(({ path }) => path === this.#path)
      if (!entry) return
      await this.#open(entry.documentId)
      this.#before = this.#handle?.heads ?? []
    })
  }

  #onChange({ path, documentId, origin }: DocumentChange): void {
    if (path !== this.#path) return
    if (this.#handle?.id === documentId) return this.#tell(origin)
    // The path leads to another document than before.
    const opening = this.#inTurn(async () => {
      if (this.#handle?.id !== documentId) await this.#open(documentId)
    })
    opening.then(
      () => this.#tell(origin),
      // It is gone again, or the whole database has failed or ended, which says so itself.
      () => {},
    )
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => {})
    return turn
  }

  async #open(documentId: string): Promise<void> {
    const handle = await this.#database.openById<T>(documentId)
    if (this.#isStopped) await handle?.close()
    else this.#use(handle)
  }

  #use(handle: DocumentHandle<T> | undefined): void {
    const former = this.#handle
    this.#handle = handle
    this.#before = []
    // A database that was closed has closed it.
    former?.close().catch(() => {})
  }

  #tell(source: string): void {
    const handle = this.#handle
    if (!handle || this.#isStopped) return
    const { current: doc, heads: after } = handle
    const before = this.#before
    if (before.join() === after.join()) return
    this.#before = after
    const patches = Automerge.diff(doc, [...before], [...after])
    this.#listener({ doc, patches, patchInfo: { before, after, source }, handle })
  }

  /** Ends it; settles when the document is let go. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const off of this.#offs) off()
    await this.#last
    const handle = this.#handle
    this.#handle = undefined
    // A database that was closed has closed it.
    await handle?.close().catch(() => {})
  }
}
