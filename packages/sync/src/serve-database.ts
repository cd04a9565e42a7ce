import { randomBytes } from '@vudo/identity'
import { partsOf } from './database-parts.ts'
import { parseDocumentUrl } from './document-id.ts'
import type { Engine } from './engine.ts'
import { isSyncError, SyncError } from './errors.ts'
import { createLinkAnswerer, type LinkAnswerer } from './link-calls.ts'
import { sendError } from './link-errors.ts'
import type {
  ClientMessage,
  EditsMessage,
  OpenedDocument,
  SentEvent,
  ServerMessage,
} from './link-messages.ts'
import { createLinkPort, type LinkPort, type MessageEnd } from './link-port.ts'
import { LinkWindow } from './link-window.ts'
import { databaseEvents, forwardedCalls, isForwarded } from './linked-calls.ts'
import type { ReplicaEvent } from './replica-effects.ts'
import { ServedDocument } from './served-document.ts'
import type { Database, DocumentChange, DocumentHandle, SyncedOptions } from './sync-types.ts'
import type { Waiters } from './waiters.ts'

/** A database that another thread works with. */
export interface ServedDatabase {
  /** Settles when the client has said goodbye, its thread has ended, or the database was closed. */
  readonly ended: Promise<void>
  /** Ends it for the client, whose handles fail from then on. The database stays open. Idempotent. */
  close(): Promise<void>
}

/**
 * Lets another thread work with a database of this one: {@link connectDatabase} there gets the
 * documents that it opens, and sends raw changes for them; everything else stays here.
 *
 * @param end - One end of a `MessageChannel`, or a worker's `parentPort`; nobody else may use it.
 * @throws `TypeError` for a database that `openDatabase` has not given in this thread.
 * @throws `SyncError` `ERR_DATABASE_CLOSED`.
 */
export function serveDatabase(database: Database, end: MessageEnd): ServedDatabase {
  // A worker has nothing else to live for.
  const port = createLinkPort<ServerMessage, ClientMessage>(end, { keepsAlive: true })
  return new Server(database, port)
}

const RUN_BYTES = 16

class Server implements ServedDatabase {
  readonly ended: Promise<void>
  readonly #end: () => void
  readonly #database: Database
  readonly #engine: Engine
  readonly #port: LinkPort<ServerMessage, ClientMessage>
  readonly #answerer: LinkAnswerer
  /** Its actors belong to this link alone. */
  readonly #runId = randomBytes(RUN_BYTES)
  readonly #documents = new Map<string, ServedDocument>()
  readonly #due = new Set<ServedDocument>()
  readonly #window = new LinkWindow()
  readonly #stops: (() => void)[] = []
  /** Saving and closing that is under way. */
  readonly #jobs = new Set<Promise<unknown>>()
  #takenEdits = 0
  #isSaving = false
  #closing: Promise<void> | undefined

  constructor(database: Database, port: LinkPort<ServerMessage, ClientMessage>) {
    const { engine, waiters } = partsOf(database)
    // Throws when it is closed.
    engine.call(() => {})
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = resolve
    this.#database = database
    this.#engine = engine
    this.#port = port
    this.#answerer = createLinkAnswerer(
      (message) => this.#post(message),
      (name, args, signal) => this.#answer(name, args, signal),
    )
    this.#watch(waiters)
    port.listen(
      (message) => this.#take(message),
      () => void this.#finish(),
    )
    this.#post({
      type: 'hello',
      id: database.id,
      authorId: engine.replica.init.author.authorId,
      summary: database.getSyncStatus(),
      isFull: this.#isFull(),
    })
  }

  #isFull(): boolean {
    try {
      this.#engine.call((replica) => replica.assertRoom())
      return false
    } catch (error) {
      return isSyncError(error) && error.code === 'ERR_STORAGE_FULL'
    }
  }

  #post(message: ServerMessage): void {
    if (!this.#closing) this.#port.post(message)
  }

  #watch(waiters: Waiters): void {
    const waiter = {
      onEvent: (event: ReplicaEvent) => this.#onReplica(event),
      reject: (error: unknown) => this.#onFailure(error),
    }
    waiters.add(waiter)
    this.#stops.push(() => waiters.delete(waiter))
    const { events } = this.#database
    for (const name of databaseEvents) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a pair of name and payload
      this.#stops.push(events.on(name, (payload) => this.#onEvent({ name, payload } as SentEvent)))
    }
  }

  #onReplica(event: ReplicaEvent): void {
    if (event.type !== 'acknowledged' || event.durability !== 'stored') return
    const served = this.#documents.get(event.id)
    if (served) this.#tell(served)
  }

  #onFailure(error: unknown): void {
    if (isSyncError(error) && error.code === 'ERR_DATABASE_CLOSED') {
      this.#post({ type: 'ended' })
      void this.#finish()
    } else this.#post({ type: 'store-failed', error: sendError(error) })
  }

  #onEvent(event: SentEvent): void {
    if (event.name === 'document:changed' && this.#onChange(event.payload)) return
    // Where a document lies decides whether it can be edited: known before the application is told.
    if (event.name === 'document:deleted') this.#tellAll()
    if (event.name === 'storage:writable') this.#saveSoon()
    const isStatus = event.name === 'sync:status' || event.name === 'sync:progress'
    const summary = isStatus ? this.#database.getSyncStatus() : undefined
    this.#post({ type: 'event', event: plainEvent(event), summary })
  }

  /** @returns true when the client is told together with the content, or has done it itself. */
  #onChange({ documentId, path, origin, created }: DocumentChange): boolean {
    const served = this.#documents.get(parseDocumentUrl(documentId) ?? '')
    if (created) this.#tellAll()
    if (!served) return false
    if (served.changed({ path, origin, created })) this.#tell(served)
    return true
  }

  #tellAll(): void {
    for (const served of this.#documents.values()) this.#due.add(served)
    this.#flush()
  }

  #tell(served: ServedDocument): void {
    this.#due.add(served)
    this.#flush()
  }

  /** What cannot be sent now is said later, and together. */
  #flush(): void {
    if (this.#due.size === 0 || !this.#window.isOpen || this.#engine.isClosed) return
    const documents = [...this.#due].map((served) => served.news())
    this.#due.clear()
    this.#post({ type: 'news', number: this.#window.next(), documents })
  }

  #take(message: ClientMessage): void {
    switch (message.type) {
      case 'call':
        return this.#answerer.take(message)
      case 'cancel':
        return this.#answerer.cancel(message)
      case 'edits':
        return this.#takeEdits(message)
      case 'taken':
        this.#window.taken(message.number)
        return this.#flush()
      case 'broadcast':
        return this.#broadcast(message.id, message.content)
      case 'release':
        return this.#release(message.id)
      case 'goodbye':
        return void this.#finish()
    }
  }

  #takeEdits({ number, documents }: EditsMessage): void {
    for (const edits of documents) {
      const served = this.#documents.get(edits.id)
      if (served && !served.take(edits)) this.#due.add(served)
    }
    this.#takenEdits = number
    this.#post({ type: 'taken', number })
    this.#flush()
    this.#saveSoon()
  }

  /** The client is told when its edits are durable; those that come meanwhile are of the next write. */
  #saveSoon(): void {
    if (this.#isSaving) return
    this.#isSaving = true
    this.#work(this.#save())
  }

  async #save(): Promise<void> {
    try {
      for (let number = 0; number < this.#takenEdits;) {
        number = this.#takenEdits
        await this.#engine.saved()
        this.#post({ type: 'saved', number })
      }
    } catch {
      // A store that fails, or is full, is told by events; whoever waits is told by its call.
    } finally {
      this.#isSaving = false
    }
  }

  #work(job: Promise<unknown>): void {
    const settled = job.catch(() => {
      // Whoever closes a handle here has nothing to tell: the store's failure is told by events.
    })
    this.#jobs.add(settled)
    void settled.finally(() => this.#jobs.delete(settled))
  }

  #broadcast(id: string, content: Uint8Array): void {
    try {
      this.#documents.get(id)?.handle.broadcast(content)
    } catch (error) {
      // It may be lost, and is when too many threads of this device speak.
      if (!isSyncError(error)) throw error
    }
  }

  #release(id: string): void {
    const served = this.#documents.get(id)
    if (!served) return
    this.#documents.delete(id)
    this.#due.delete(served)
    this.#work(served.handle.close())
  }

  async #answer(name: string, args: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    switch (name) {
      case 'open': {
        const [path = '', initial] = args
        return this.#serve(
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own client sends it
          await this.#database.open(String(path), initial as Record<string, unknown>, { signal }),
        )
      }
      case 'openById': {
        const handle = await this.#database.openById<Record<string, unknown>>(String(args[0]), {
          signal,
        })
        return handle && this.#serve(handle)
      }
      case 'saved':
        return this.#engine.saved()
      case 'documentSynced': {
        const [id, options] = args
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own client sends it
        return this.#handleOf(String(id)).whenSynced({ ...(options as SyncedOptions), signal })
      }
      default:
        return this.#forward(name, args, signal)
    }
  }

  #handleOf(id: string): DocumentHandle<Record<string, unknown>> {
    const served = this.#documents.get(id)
    if (served) return served.handle
    throw new SyncError('ERR_HANDLE_CLOSED', 'the handle is closed', {
      hint: 'open the path again',
    })
  }

  #serve(handle: DocumentHandle<Record<string, unknown>>): OpenedDocument {
    const { path } = handle
    const id = parseDocumentUrl(handle.id) ?? ''
    if (this.#documents.has(id)) {
      // The one that is there keeps it open.
      this.#work(handle.close())
      return { id, path, begin: undefined }
    }
    const state = this.#engine.call((replica) => replica.document(id))
    const served = new ServedDocument(this.#engine, handle, { state, runId: this.#runId })
    this.#documents.set(id, served)
    return { id, path, begin: served.begin() }
  }

  #forward(name: string, args: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    if (!isForwarded(name)) throw new TypeError(`a link has no call ${name}`)
    const at: number | undefined = forwardedCalls[name]
    const given = [...args]
    if (at !== undefined) given[at] = { ...Object(given[at]), signal }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own client sends what the method takes
    return Reflect.apply(this.#database[name], this.#database, given) as Promise<unknown>
  }

  close(): Promise<void> {
    this.#post({ type: 'ended' })
    return this.#finish()
  }

  #finish(): Promise<void> {
    this.#closing ??= this.#letGo()
    return this.#closing
  }

  async #letGo(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop()
    for (const id of this.#documents.keys()) this.#release(id)
    await this.#answerer.close()
    await Promise.all(this.#jobs)
    this.#port.close()
    this.#end()
  }
}

/** Getters and shared objects do not cross. */
function plainEvent(event: SentEvent): SentEvent {
  if (event.name !== 'document:changed' && event.name !== 'document:deleted') return event
  const { type, path, collection, documentId, origin, created } = event.payload
  const payload = { type, path, collection, documentId, origin, created }
  return { ...event, payload }
}
