import { createEventHub, type EventHub } from '@vudo/events'
import { randomBytes } from '@vudo/identity'
import { BroadcastRate } from './broadcasts.ts'
import { documentIdToUrl } from './document-id.ts'
import { SyncError } from './errors.ts'
import { FollowedDocument } from './followed-document.ts'
import { MAX_BROADCAST_BYTES, MAX_BROADCASTS_PER_SECOND } from './limits.ts'
import { createLinkCaller, type LinkCaller, type LinkCallOptions } from './link-calls.ts'
import { receiveError } from './link-errors.ts'
import type {
  ClientMessage,
  DocumentNews,
  EditsMessage,
  OpenedDocument,
  NewsEvent,
  RawChange,
  SentError,
  SentEvent,
  ServerMessage,
} from './link-messages.ts'
import type { LinkPort } from './link-port.ts'
import { createLinkedDocument, type LinkedContext } from './linked-document.ts'
import { OutgoingEdits } from './outgoing-edits.ts'
import { collectionOf } from './paths.ts'
import type { DatabaseEvents, DocumentHandle, SyncedOptions, SyncSummary } from './sync-types.ts'

const RUN_BYTES = 16

/** What the server says first. */
export type Hello = ServerMessage & { readonly type: 'hello' }

/** The end of a client link in the application's thread: open documents, and everybody who waits. */
export class LinkClient implements LinkedContext {
  readonly events: EventHub<DatabaseEvents> = createEventHub<DatabaseEvents>()
  readonly runId: Uint8Array = randomBytes(RUN_BYTES)
  /** The first message of the server. */
  readonly hello: Promise<Hello>
  readonly #hello = Promise.withResolvers<Hello>()
  readonly #port: LinkPort<ClientMessage, ServerMessage>
  readonly #caller: LinkCaller
  readonly #outgoing = new OutgoingEdits()
  readonly #documents = new Map<string, FollowedDocument>()
  readonly #broadcasts = new BroadcastRate()
  #authorId = ''
  #summary: SyncSummary | undefined
  /** Calls that open a document and are not answered: the answer may count on what is open here. */
  #opening = 0
  #isHolding = false
  #isFull = false
  #storeFailure: Error | undefined
  #failure: Error | undefined
  #isLost = false

  constructor(port: LinkPort<ClientMessage, ServerMessage>) {
    this.#port = port
    this.hello = this.#hello.promise
    // Only who waits for the beginning needs to know that it does not come.
    this.hello.catch(() => {})
    this.#caller = createLinkCaller(port)
    port.listen(
      (message) => this.#take(message),
      (cause) => this.#lost(cause),
    )
    port.hold()
  }

  /** As the worker told last. */
  get summary(): SyncSummary {
    if (this.#summary) return this.#summary
    throw new Error('the link has not begun')
  }

  #take(message: ServerMessage): void {
    if (this.#failure) return
    switch (message.type) {
      case 'hello':
        return this.#begin(message)
      case 'answer':
      case 'failed':
        return this.#caller.take(message)
      case 'news':
        for (const news of message.documents) this.#takeNews(news)
        return this.#port.post({ type: 'taken', number: message.number })
      case 'taken':
        return this.#send(this.#outgoing.taken(message.number))
      case 'saved':
        this.#outgoing.saved(message.number)
        return this.#holdProgram()
      case 'event':
        if (message.summary) this.#summary = message.summary
        return this.#takeEvent(message.event)
      case 'store-failed':
        this.#storeFailure = receiveError(message.error)
        return this.#holdProgram()
      case 'ended':
        return this.end(closedError())
    }
  }

  #begin(hello: Hello): void {
    this.#authorId = hello.authorId
    this.#summary = hello.summary
    this.#isFull = hello.isFull
    this.#port.release()
    this.#hello.resolve(hello)
  }

  #takeNews(news: DocumentNews): void {
    const document = this.#documents.get(news.id)
    // Released while it was told.
    if (!document) return
    if (news.reset) this.#outgoing.refused(news.id)
    const lost = document.take(news)
    for (const event of news.events) this.#publishChange(document, event)
    if (news.reset) this.#publishReset(document, news.reset.error, lost)
  }

  #publishChange(document: FollowedDocument, { path, origin, created }: NewsEvent): void {
    document.path = path
    const documentId = documentIdToUrl(document.id)
    const change = { type: 'changed', path, collection: collectionOf(path), documentId } as const
    this.events.publish('document:changed', { ...change, origin, created })
  }

  #publishReset(document: FollowedDocument, error: SentError, changes: number): void {
    const { id, path } = document
    const { code, message } = error
    const documentId = documentIdToUrl(id)
    this.#publishChange(document, { path, origin: 'local', created: false })
    this.events.publish('document:edits-refused', { path, documentId, code, message, changes })
    this.#holdProgram()
  }

  #takeEvent({ name, payload }: SentEvent): void {
    if (name === 'storage:full') this.#isFull = true
    if (name === 'storage:writable') this.#isFull = false
    this.events.publish(name, payload)
  }

  /** Asks the worker, after everything that was edited before. */
  call(name: string, args: readonly unknown[], options?: LinkCallOptions): Promise<unknown> {
    this.#send(this.#outgoing.hurry())
    return this.#caller.call(name, args, options)
  }

  /** Opens a document in the worker, and here. `undefined` when the worker has none. */
  async open<T extends object>(
    name: 'open' | 'openById',
    args: readonly unknown[],
    signal: AbortSignal | undefined,
  ): Promise<DocumentHandle<T> | undefined> {
    this.#opening += 1
    try {
      const answer = await this.call(name, args, { signal, isAwaited: true })
      if (answer === undefined) return undefined
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own server sends it
      const document = this.#follow(answer as OpenedDocument)
      signal?.throwIfAborted()
      document.handles += 1
      return createLinkedDocument<T>(document.path, document, this)
    } finally {
      this.#opening -= 1
      this.#releaseUnused()
    }
  }

  #follow({ id, path, begin }: OpenedDocument): FollowedDocument {
    const known = this.#documents.get(id)
    if (known) return known
    if (!begin) throw new Error(`document ${id} is followed and not here`)
    const document = new FollowedDocument({ id, path }, this.#authorId, begin)
    this.#documents.set(id, document)
    return document
  }

  /** Not while a document is being opened: the worker tells all of it only to who does not follow it yet. */
  #releaseUnused(): void {
    if (this.#opening > 0) return
    for (const [id, document] of this.#documents) {
      if (document.handles > 0) continue
      this.#send(this.#outgoing.hurry())
      this.#documents.delete(id)
      document.free()
      if (!this.#failure) this.#port.post({ type: 'release', id })
    }
  }

  assertAlive(): void {
    if (this.#isLost && this.#failure) throw this.#failure
  }

  assertTaking(): void {
    if (this.#failure) throw this.#failure
    if (this.#storeFailure) throw this.#storeFailure
    if (this.#isFull) {
      throw new SyncError('ERR_STORAGE_FULL', 'the store has no room; nothing was changed', {
        hint: 'make room on the disk: edits work again by themselves',
      })
    }
    this.#outgoing.assertRoom()
  }

  edited({ id, epoch }: FollowedDocument, change: RawChange): void {
    this.#send(this.#outgoing.add(id, epoch, change))
    this.#holdProgram()
  }

  #send(message: EditsMessage | undefined): void {
    if (message && !this.#failure) this.#port.post(message)
  }

  /** A program that has edited goes on until the worker has stored it. */
  #holdProgram(): void {
    const isNeeded = !this.#outgoing.isSaved && !this.#failure && !this.#storeFailure
    if (isNeeded === this.#isHolding) return
    this.#isHolding = isNeeded
    if (isNeeded) this.#port.hold()
    else this.#port.release()
  }

  broadcast({ id }: FollowedDocument, content: Uint8Array): number {
    if (content.length > MAX_BROADCAST_BYTES) {
      const message = `the broadcast has ${content.length} bytes, at most ${MAX_BROADCAST_BYTES}`
      throw new SyncError('ERR_SYNC_LIMIT', message)
    }
    if (!this.#broadcasts.take(Date.now())) {
      const message = `more than ${MAX_BROADCASTS_PER_SECOND} broadcasts in a second`
      throw new SyncError('ERR_SYNC_LIMIT', message, { hint: 'send the newest state only' })
    }
    if (this.#failure) throw this.#failure
    this.#port.post({ type: 'broadcast', id, content: content.slice() })
    const ready = this.summary.peers.filter(({ state }) => state !== 'connecting')
    return new Set(ready.map(({ peerId }) => peerId)).size
  }

  async saved(): Promise<void> {
    await this.call('saved', [])
  }

  async synced({ id }: FollowedDocument, options: SyncedOptions): Promise<void> {
    const { signal, ...rest } = options
    await this.call('documentSynced', [id, rest], { signal })
  }

  async closed(document: FollowedDocument): Promise<void> {
    document.handles -= 1
    this.#releaseUnused()
    if (!this.#failure) await this.saved()
  }

  /** The far end has gone without a word. */
  #lost(cause: unknown): void {
    if (this.#failure) return
    this.#isLost = true
    const error = workerEnded(cause)
    this.#fail(error)
    // The end here may hold locks, threads and channels for the sake of the far one.
    this.#port.close()
    this.events.publish('worker:ended', { message: error.message })
    this.events.close()
  }

  /** Nothing more comes. Idempotent. */
  end(error: Error): void {
    if (this.#failure) return
    this.#fail(error)
    this.#port.post({ type: 'goodbye' })
    this.#port.close()
    this.events.close()
  }

  #fail(error: Error): void {
    this.#failure = error
    if (this.#summary) {
      const left = { state: 'offline', peers: [], pendingBytes: 0, isActive: false } as const
      this.#summary = { ...this.#summary, ...left }
    }
    this.#caller.fail(error)
    this.#hello.reject(error)
    this.#holdProgram()
    for (const document of this.#documents.values()) document.free()
    this.#documents.clear()
  }
}

/** The far end has gone without a word. */
export function workerEnded(cause?: unknown): SyncError {
  return new SyncError('ERR_WORKER_ENDED', 'the worker that has the database has ended', {
    cause,
    hint: 'what was stored is safe: look at its output, and connect to a new one',
  })
}

/** The error of a database that was closed. */
export function closedError(): SyncError {
  return new SyncError('ERR_DATABASE_CLOSED', 'the database is closed')
}
