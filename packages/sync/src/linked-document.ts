import * as Automerge from '@automerge/automerge'
import type { Prop } from '@automerge/automerge'
import type { EventHub } from '@vudo/events'
import type { AbortOptions } from '@vudo/transport'
import { followChanges, listenTo } from './change-stream.ts'
import { conflictAt } from './conflicts.ts'
import { historyOf, makeUndo, versionVectorOf, viewAt, type UndoStep } from './document-history.ts'
import { documentIdToUrl } from './document-id.ts'
import type { AnyDocument } from './document-state.ts'
import { SyncError } from './errors.ts'
import type { FollowedDocument } from './followed-document.ts'
import type { ForeignSync } from './foreign-sync.ts'
import type { RawChange } from './link-messages.ts'
import { makeEdit } from './local-edits.ts'
import { onlyInWorker } from './only-in-worker.ts'
import { collectionOf } from './paths.ts'
import type { Conflict, HistoryEntry } from './people-types.ts'
import type { DatabaseEvents, DocumentChange, DocumentHandle, SyncedOptions } from './sync-types.ts'
import { UndoStack } from './undo-stack.ts'

/** What a handle needs of the link. */
export interface LinkedContext {
  readonly events: EventHub<DatabaseEvents>
  /** 16 bytes, the link's own. */
  readonly runId: Uint8Array
  /** @throws `SyncError` `ERR_WORKER_ENDED`. */
  assertAlive(): void
  /** @throws `SyncError` when nothing more is taken: the worker has ended, its store failed or is full. */
  assertTaking(): void
  /** Sends a change to the worker. */
  edited(document: FollowedDocument, change: RawChange): void
  broadcast(document: FollowedDocument, content: Uint8Array): number
  saved(): Promise<void>
  synced(document: FollowedDocument, options: SyncedOptions): Promise<void>
  closed(document: FollowedDocument): Promise<void>
}

/** Makes a handle of a document whose engine is in the worker. */
export function createLinkedDocument<T extends object>(
  path: string,
  document: FollowedDocument,
  context: LinkedContext,
): DocumentHandle<T> {
  return new LinkedDocument<T>(path, document, context)
}

class LinkedDocument<T extends object> implements DocumentHandle<T> {
  readonly path: string
  readonly id: string
  readonly #document: FollowedDocument
  readonly #context: LinkedContext
  readonly #undoStack: UndoStack
  #isClosed = false

  constructor(path: string, document: FollowedDocument, context: LinkedContext) {
    this.path = path
    this.id = documentIdToUrl(document.id)
    this.#document = document
    this.#context = context
    this.#undoStack = new UndoStack(document, (step) => this.#takeBack(step))
  }

  get current(): Automerge.Doc<T> {
    this.#assertOpen()
    // As where the engine is: what is written beside `change` would be lost without a word.
    const doc = Object.freeze(this.#document.open)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape is the application's promise to itself
    return doc as unknown as Automerge.Doc<T>
  }

  get heads(): readonly string[] {
    return this.#document.heads
  }

  get changeCount(): number {
    this.#assertOpen()
    return Automerge.stats(this.#document.open).numChanges
  }

  get versionVector(): ReadonlyMap<string, number> {
    this.#assertOpen()
    return versionVectorOf(this.#document)
  }

  get storedBy(): number {
    return this.#document.storedBy
  }

  change(
    edit: (doc: T) => void,
    { message }: { readonly message?: string | undefined } = {},
  ): void {
    this.#assertWritable()
    const document = this.#document
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as for `current`
    const anyEdit = edit as unknown as (doc: AnyDocument) => void
    const { path } = document
    const made = makeEdit(document, anyEdit, { nowMs: Date.now(), message, path })
    if (!made?.change) return
    document.edited(made.doc)
    const [hash] = document.heads
    if (hash !== undefined) this.#undoStack.changed(hash)
    this.#send(made.change, undefined)
    for (const warning of made.warnings()) {
      this.#context.events.publish('warning', { path, message: warning })
    }
  }

  #send(bytes: Uint8Array, nonce: Uint8Array | undefined): void {
    const { path } = this.#document
    this.#context.edited(this.#document, { bytes, nonce })
    const { events } = this.#context
    if (events.listenerCount === 0) return
    const collection = collectionOf(path)
    const { id: documentId } = this
    const change = { type: 'changed', path, collection, documentId } as const
    events.publish('document:changed', { ...change, origin: 'local', created: false })
  }

  history({ limit }: { readonly limit?: number | undefined } = {}): readonly HistoryEntry[] {
    this.#assertOpen()
    return historyOf(this.#document, limit)
  }

  view(heads: readonly string[]): T {
    this.#assertOpen()
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as for `current`
    return viewAt(this.#document, heads) as T
  }

  undo(hash?: string): boolean {
    this.#assertWritable()
    return this.#undoStack.undo(hash)
  }

  redo(): boolean {
    this.#assertWritable()
    return this.#undoStack.redo()
  }

  #takeBack(step: UndoStep): UndoStep | undefined {
    const document = this.#document
    const made = makeUndo(document, step, this.#context.runId)
    if (!made) return undefined
    const { hash, bytes, nonce, actor } = made
    if (document.size.mayExceed(bytes.length)) {
      const message = 'taking it back would make the document too large'
      throw new SyncError('ERR_DOCUMENT_TOO_LARGE', message)
    }
    document.size.add(bytes.length)
    document.knowOwn(actor)
    document.edited(Automerge.applyChanges(document.open, [bytes])[0])
    this.#send(bytes, nonce)
    return { hash, base: [hash] }
  }

  broadcast(content: Uint8Array): number {
    this.#assertOpen()
    return this.#context.broadcast(this.#document, content)
  }

  conflict(...place: readonly Prop[]): Conflict | undefined {
    this.#assertOpen()
    return conflictAt(this.#document, place)
  }

  subscribe(listener: (change: DocumentChange) => void): () => void {
    return listenTo(this.#context.events, this.id, listener)
  }

  changes(options: AbortOptions = {}): AsyncIterable<DocumentChange> {
    return followChanges(this.#context.events, ({ documentId }) => documentId === this.id, options)
  }

  whenSaved(): Promise<void> {
    return this.#context.saved()
  }

  async whenSynced(options: SyncedOptions = {}): Promise<void> {
    this.#assertOpen()
    await this.#context.synced(this.#document, options)
  }

  foreignSync(): ForeignSync {
    throw onlyInWorker('foreignSync', 'serve programs of automerge-repo from the worker')
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#context.closed(this.#document)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertWritable(): void {
    this.#assertOpen()
    this.#context.assertTaking()
    this.#document.assertWritable()
  }

  #assertOpen(): void {
    if (!this.#isClosed) this.#context.assertAlive()
    if (!this.#isClosed && !this.#document.isFreed) return
    throw new SyncError('ERR_HANDLE_CLOSED', `the handle of ${this.path} is closed`, {
      hint: 'open the path again',
    })
  }
}
