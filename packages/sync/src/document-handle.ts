import { editDocument } from './local-edits.ts'
import * as Automerge from '@automerge/automerge'
import type { Prop } from '@automerge/automerge'
import type { AbortOptions, PeerId } from '@vudo/transport'
import { Coverage } from './coverage.ts'
import { documentIdToUrl } from './document-id.ts'
import { conflictAt } from './conflicts.ts'
import { historyOf, undoChange, versionVectorOf, viewAt } from './document-history.ts'
import type { Conflict, HistoryEntry } from './people-types.ts'
import { isAckOf, sameHeads } from './document-heads.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import type { Engine } from './engine.ts'
import { SyncError } from './errors.ts'
import type { DatabaseEvents, DocumentChange, DocumentHandle, SyncedOptions } from './sync-types.ts'
import type { EventHub } from '@vudo/events'
import { followChanges, listenTo } from './change-stream.ts'
import { createForeignSync, type ForeignSync, type ForeignSyncOptions } from './foreign-sync.ts'
import { UndoStack } from './undo-stack.ts'
import { waitUntil, type Waiters } from './waiters.ts'

/** What a handle needs of its database. */
export interface HandleContext {
  readonly engine: Engine
  readonly events: EventHub<DatabaseEvents>
  readonly waiters: Waiters
  readonly now: () => number
  readonly onClose: () => void
}

/** Makes a handle of a document that is open and pinned. */
export function createDocumentHandle<T extends object>(
  path: string,
  state: DocumentState,
  context: HandleContext,
): DocumentHandle<T> {
  return new OpenDocument<T>(path, state, context)
}

class OpenDocument<T extends object> implements DocumentHandle<T> {
  readonly path: string
  readonly id: string
  readonly #state: DocumentState
  readonly #context: HandleContext
  readonly #undoStack: UndoStack
  #isClosed = false

  constructor(path: string, state: DocumentState, context: HandleContext) {
    this.path = path
    this.id = documentIdToUrl(state.id)
    this.#state = state
    this.#context = context
    this.#undoStack = new UndoStack(state, (step) =>
      context.engine.call((replica) => undoChange(replica, state, step)),
    )
  }

  get current(): Automerge.Doc<T> {
    this.#assertOpen()
    // What an application wrote beside `change` would be lost without a word. Automerge's
    // own option to freeze throws at byte arrays.
    const doc = Object.freeze(this.#state.open)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape is the application's promise to itself
    return doc as unknown as Automerge.Doc<T>
  }

  get heads(): readonly string[] {
    return this.#state.heads
  }

  get changeCount(): number {
    this.#assertOpen()
    return Automerge.stats(this.#state.open).numChanges
  }

  get versionVector(): ReadonlyMap<string, number> {
    this.#assertOpen()
    return versionVectorOf(this.#state)
  }

  get storedBy(): number {
    return storersOf(this.#state).length
  }

  change(edit: (doc: T) => void, options: { readonly message?: string | undefined } = {}): void {
    this.#assertOpen()
    const { engine, now } = this.#context
    engine.call((replica) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as for `current`
      const anyEdit = edit as unknown as (doc: AnyDocument) => void
      const before = this.#state.heads
      editDocument(replica, this.#state, anyEdit, { nowMs: now(), message: options.message })
      const [hash] = this.#state.heads
      if (hash === undefined || sameHeads(before, this.#state.heads)) return
      this.#undoStack.changed(hash)
    })
  }

  history({ limit }: { readonly limit?: number | undefined } = {}): readonly HistoryEntry[] {
    this.#assertOpen()
    return historyOf(this.#state, limit)
  }

  view(heads: readonly string[]): T {
    this.#assertOpen()
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as for `current`
    return viewAt(this.#state, heads) as T
  }

  undo(hash?: string): boolean {
    this.#assertOpen()
    return this.#undoStack.undo(hash)
  }

  redo(): boolean {
    this.#assertOpen()
    return this.#undoStack.redo()
  }

  broadcast(content: Uint8Array): number {
    this.#assertOpen()
    const { engine, now } = this.#context
    return engine.call(({ exchange }) => exchange.broadcasts.send(this.#state.id, content, now()))
  }

  conflict(...place: readonly Prop[]): Conflict | undefined {
    this.#assertOpen()
    return conflictAt(this.#state, place)
  }

  subscribe(listener: (change: DocumentChange) => void): () => void {
    return listenTo(this.#context.events, this.id, listener)
  }

  changes(options: AbortOptions = {}): AsyncIterable<DocumentChange> {
    return followChanges(this.#context.events, ({ documentId }) => documentId === this.id, options)
  }

  whenSaved(): Promise<void> {
    return this.#context.engine.saved()
  }

  async whenSynced(options: SyncedOptions = {}): Promise<void> {
    this.#assertOpen()
    const { with: wanted = 'any', quorum = 1, durability = 'stored', signal } = options
    const state = this.#state
    const coverage = new Coverage(state)
    const confirmed = new Set<PeerId>(storersOf(state))
    const isEnough = (): boolean =>
      wanted === 'any' ? confirmed.size >= quorum : confirmed.has(wanted)
    if (!isEnough()) this.#context.engine.call((replica) => replica.exchange.hurry())
    await waitUntil(this.#context.waiters, isEnough, {
      signal,
      onEvent: (event) => {
        if (event.type !== 'acknowledged' || event.id !== state.id) return
        if (durability === 'stored' && event.durability === 'received') return
        if (confirmed.has(event.peerId)) return
        if (coverage.isHeldBy(event.heads)) confirmed.add(event.peerId)
      },
    })
  }

  foreignSync(options: ForeignSyncOptions = {}): ForeignSync {
    this.#assertOpen()
    const assertOpen = (): void => this.#assertOpen()
    return createForeignSync(this.#context.engine, this.#state, { ...options, assertOpen })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { engine, onClose } = this.#context
    onClose()
    if (engine.isClosed) return
    engine.call((replica) => replica.unpin(this.#state))
    await engine.saved()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertOpen(): void {
    if (!this.#isClosed && this.#state.doc) return
    throw new SyncError('ERR_HANDLE_CLOSED', `the handle of ${this.path} is closed`, {
      hint: 'open the path again',
    })
  }
}

function storersOf(state: DocumentState): PeerId[] {
  return [...state.ackByPeer].flatMap(([peer, ack]) => (isAckOf(ack, state.heads) ? peer : []))
}
