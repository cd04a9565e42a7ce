import { deletePath, forgetPath, restorePath } from './deletion.ts'
import { admitDocument, beginDocument, renamePath } from './local-edits.ts'
import { createEventHub, type EventHub } from '@vudo/events'
import { randomBytes, type AuthorKey } from '@vudo/identity'
import type { Network } from '@vudo/network'
import type { StoreView } from '@vudo/storage'
import type { AbortOptions, PeerId } from '@vudo/transport'
import { askForBlob, askForBlobs } from './blob-book.ts'
import { entryOf, parsePrefix } from './catalogue-entry.ts'
import { followChanges } from './change-stream.ts'
import { registerParts } from './database-parts.ts'
import { createDocumentHandle } from './document-handle.ts'
import { parseDocumentUrl, toDocumentId } from './document-id.ts'
import { hasDocumentHeads, readDocument } from './document-reads.ts'
import type { DocumentState } from './document-state.ts'
import { Engine } from './engine.ts'
import { compactPath } from './epochs.ts'
import { SyncError } from './errors.ts'
import { deletedEntries, epochsOf } from './retired-entries.ts'
import type { Asking } from './asking.ts'
import { exportSpace, importSpace } from './space-transfer.ts'
import { MAX_DATABASE_ID_BYTES, STATUS_PAUSE_MS } from './limits.ts'
import { linkToNetwork } from './network-link.ts'
import {
  applyOperations,
  type OperationsOptions,
  type OperationsReport,
  type SyncOperation,
} from './operations.ts'
import { isUnder, parsePath } from './paths.ts'
import { holdProgram } from './program-hold.ts'
import type { ReplicaEvent } from './replica-effects.ts'
import type { Policy, PolicyAction, Replica } from './replica.ts'
import { numberText, publishEvent, stateText } from './publish-event.ts'
import { ProgressMeter } from './sync-progress.ts'
import { documentStatusOf, isSameAt, isSynced, statusOf } from './sync-status.ts'
import type {
  BlobReferences,
  CatalogueEntry,
  Database,
  CompactOptions,
  DatabaseEvents,
  DeletedEntry,
  DocumentChange,
  DocumentHandle,
  EarlierEpoch,
  ImportReport,
  RemoveOptions,
  SyncedOptions,
  DocumentSyncStatus,
  SyncStatus,
  SyncSummary,
} from './sync-types.ts'
import { writeDifference } from './value-difference.ts'
import { waitUntil, type Waiters } from './waiters.ts'

const RUN_BYTES = 16

/** What {@link openDatabase} takes. */
export interface DatabaseInit {
  /** 1 to 1,024 bytes in UTF-8; the same for all who share the database. It stands in every signature: a copy under another id is another database. */
  readonly id: string
  /** Where it lies: a store of its own or a `sub` of one. It stays the caller's, open until the database is closed. */
  readonly store: StoreView
  /** Who signs what is written here (Ed25519). The key stays the caller's. */
  readonly author: AuthorKey
  /**
   * How peers are reached.
   *
   * @defaultValue none: the database stays on this device
   */
  readonly network?: Network | undefined
  /**
   * Who may do what. Ask for the same on every device.
   *
   * @defaultValue every member may do everything
   */
  readonly policy?: Policy | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647, between looks at whether a peer with which nothing is under
   * way really holds the same. A safety net against damaged disks and faults of this program:
   * edits travel at once. A look costs one message of 17 bytes, and only after something has
   * changed; less often finds a difference later.
   *
   * @defaultValue 10,000
   */
  readonly syncIntervalMs?: number | undefined
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
  /** Cryptographic randomness: gives `length` bytes in a new buffer. Asked once, for the 16 bytes that name this run. @defaultValue the platform's */
  readonly random?: ((length: number) => Uint8Array) | undefined
}

/**
 * Opens a database: reads its index, and begins to sync with every peer that shares it.
 *
 * The index (one entry for each path and document, not their content) stays in memory.
 * Open one store under one id at a time: two openers would give out the same numbers.
 *
 * @throws `RangeError` when the id has a wrong length or the interval is out of range; `StoreError` when the store cannot
 *   be read; `WireError` `ERR_DECODE` when another program wrote into it.
 */
export async function openDatabase(init: DatabaseInit): Promise<Database> {
  const length = new TextEncoder().encode(init.id).length
  if (length < 1 || length > MAX_DATABASE_ID_BYTES) {
    throw new RangeError(`the id has ${length} bytes, expected 1 to ${MAX_DATABASE_ID_BYTES}`)
  }
  const { id, author, network, now = Date.now, random = randomBytes } = init
  const database: { current?: OpenDatabase } = {}
  const engine = await Engine.open({
    ...init,
    now,
    database: id,
    // Without a network nobody sees the certificate that names the node.
    peerId: network?.peerId ?? author.authorId,
    runId: random(RUN_BYTES),
    onEvent: (event) => database.current?.onEvent(event),
  })
  database.current = new OpenDatabase(id, engine, { now, network })
  return database.current
}

class OpenDatabase implements Database {
  readonly id: string
  readonly events: EventHub<DatabaseEvents> = createEventHub<DatabaseEvents>()
  readonly #engine: Engine
  readonly #now: () => number
  readonly #unlink: () => void
  readonly #waiters: Waiters = new Set()
  readonly #handles = new Set<DocumentHandle<object>>()
  #lastStatus: SyncStatus
  #isStatusDue = false
  #statusPause: ReturnType<typeof setTimeout> | undefined
  readonly #meter = new ProgressMeter()
  readonly #asking: Asking = {
    call: (task) => this.#engine.call(task),
    answered: (ask) => this.#answered(ask),
  }
  #closing: Promise<void> | undefined

  constructor(
    id: string,
    engine: Engine,
    { now, network }: { now: () => number; network: Network | undefined },
  ) {
    this.id = id
    this.#engine = engine
    this.#now = now
    this.#lastStatus = statusOf(engine.replica)
    registerParts(this, { engine, waiters: this.#waiters })
    this.#unlink = network ? linkToNetwork(network, id, engine) : () => {}
  }

  get status(): SyncStatus {
    return statusOf(this.#engine.replica)
  }

  getSyncStatus(): SyncSummary {
    const { status } = this
    const { unstoredCount } = this.#engine.replica
    const nowMs = this.#now()
    this.#meter.note(status.ahead + status.behind, nowMs)
    const pendingOperations = Math.max(status.ahead, unstoredCount)
    const isActive = status.state === 'syncing' || status.state === 'connecting'
    const progress = this.#meter.progress(nowMs)
    const { durability } = this.#engine
    return { ...status, isActive, pendingOperations, progress, durability }
  }

  documentStatus(path: string): DocumentSyncStatus | undefined {
    const parsed = parsePath(path)
    return this.#engine.call((replica) => documentStatusOf(replica, parsed))
  }

  addOperations(
    operations: readonly SyncOperation[],
    options?: OperationsOptions,
  ): Promise<OperationsReport> {
    return applyOperations(this, operations, options)
  }

  syncWithPeer(peerId: PeerId, options?: AbortOptions): Promise<SyncStatus> {
    return this.syncWith(peerId, undefined, options)
  }

  whenReady(): Promise<void> {
    return this.#engine.saved()
  }

  async open<T extends object>(
    path: string,
    initial?: T,
    { signal }: AbortOptions = {},
  ): Promise<DocumentHandle<T>> {
    signal?.throwIfAborted()
    const parsed = parsePath(path)
    const state = await this.#begin(parsed, { ...initial })
    return this.#handleOf<T>(parsed, state, signal)
  }

  async openById<T extends object>(
    documentId: string,
    { signal }: AbortOptions = {},
  ): Promise<DocumentHandle<T> | undefined> {
    signal?.throwIfAborted()
    const id = parseDocumentUrl(documentId) ?? ''
    const path = this.#engine.call(({ catalogue }) => {
      const live = catalogue.livePathOf(id)
      if (live !== undefined || catalogue.pathOf(id) === undefined) return live
      throw new SyncError('ERR_DOCUMENT_DELETED', `the document ${documentId} was deleted`)
    })
    if (path === undefined) return undefined
    const state = await this.#answered<DocumentState>((replica, resolve) => {
      replica.assertWorking()
      const document = replica.document(id)
      replica.withDocument(document, () => {
        replica.pin(document)
        resolve(document)
      })
    })
    return this.#handleOf<T>(path, state, signal)
  }

  mayAccess(author: string, action: PolicyAction, documentId: string): boolean {
    const id = parseDocumentUrl(documentId) ?? ''
    return this.#engine.call((replica) => {
      return replica.catalogue.livePathOf(id) !== undefined && replica.mayWith(author, action, id)
    })
  }

  async #handleOf<T extends object>(
    path: string,
    state: DocumentState,
    signal: AbortSignal | undefined,
  ): Promise<DocumentHandle<T>> {
    const handle: DocumentHandle<T> = createDocumentHandle<T>(path, state, {
      engine: this.#engine,
      events: this.events,
      waiters: this.#waiters,
      now: this.#now,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the set only closes them
      onClose: () => this.#handles.delete(handle),
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    this.#handles.add(handle)
    if (signal?.aborted) await handle.close()
    signal?.throwIfAborted()
    return handle
  }

  #begin(path: string, initial: Readonly<Record<string, unknown>>): Promise<DocumentState> {
    return this.#answered((replica, onOpen, onRefused) =>
      beginDocument(replica, path, initial, { onOpen, onRefused }),
    )
  }

  /** Asks the replica something that may need the disk; the store's failure and the end of the database answer as well. */
  async #answered<Answer>(
    ask: (
      replica: Replica,
      resolve: (answer: Answer) => void,
      reject: (error: unknown) => void,
    ) => void,
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#engine.call((replica) => ask(replica, resolve, reject))
    const waiter = { onEvent: () => {}, reject }
    this.#waiters.add(waiter)
    try {
      return await promise
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  async readDoc<T extends object>(path: string): Promise<T | undefined> {
    const content = await readDocument(this.#asking, parsePath(path))
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape is the application's promise to itself
    return content as T | undefined
  }

  async writeDoc(path: string, value: unknown): Promise<void> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new SyncError('ERR_VALUE_UNSUPPORTED', 'a document is an object', {
        hint: 'wrap lists and single values: { items: [...] }',
      })
    }
    // What is missing comes in as an initial value, which two devices that write the same share.
    const handle = await this.open<Record<string, unknown>>(path, { ...value })
    try {
      handle.change((doc) => writeDifference(doc, doc, value))
      await handle.whenSaved()
    } finally {
      await handle.close()
    }
  }

  async remove(path: string, { force = false }: RemoveOptions = {}): Promise<void> {
    const parsed = parsePath(path)
    this.#engine.call((replica) => deletePath(replica, parsed, force))
    await this.#engine.saved()
    // The bytes go after the deletion that takes them is durable.
    if (force) await this.#engine.saved()
  }

  async deleted(prefix = ''): Promise<readonly DeletedEntry[]> {
    return deletedEntries(this.#asking, parsePrefix(prefix))
  }

  async restore(path: string): Promise<void> {
    const parsed = parsePath(path)
    this.#engine.call((replica) => restorePath(replica, parsed))
    await this.#engine.saved()
  }

  async forget(path: string, { force = false }: RemoveOptions = {}): Promise<void> {
    const parsed = parsePath(path)
    await this.#answered<void>((replica, resolve, reject) => {
      forgetPath(replica, parsed, { force, onForgotten: () => resolve(), onRefused: reject })
    })
    await this.#engine.saved()
  }

  async compact(path: string, { force = false }: CompactOptions): Promise<void> {
    const parsed = parsePath(path)
    await this.#answered<void>((replica, resolve, reject) => {
      compactPath(replica, parsed, { force, onDone: () => resolve(), onRefused: reject })
    })
    await this.#engine.saved()
    // The old bytes go after the record that takes them is durable.
    if (force) await this.#engine.saved()
  }

  async epochs(path: string): Promise<readonly EarlierEpoch[]> {
    return epochsOf(this.#asking, parsePath(path))
  }

  async exportSpace(prefix = ''): Promise<Uint8Array> {
    return exportSpace(this.#asking, this.id, parsePrefix(prefix))
  }

  async importSpace(bytes: Uint8Array): Promise<ImportReport> {
    const report = await importSpace(this.#asking, bytes)
    await this.#engine.saved()
    return report
  }

  blobReferences(): Promise<BlobReferences> {
    return askForBlobs(this.#asking)
  }

  async isBlobReferenced(hash: string): Promise<boolean> {
    return askForBlob(this.#asking, hash)
  }

  async forgetPeer(peerId: PeerId): Promise<void> {
    this.#engine.call((replica) => replica.retired.forgetPeer(peerId))
    await this.#engine.saved()
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [parsePath(from), parsePath(to)]
    this.#engine.call((replica) => renamePath(replica, source, target))
    await this.#engine.saved()
  }

  async admit(path: string, documentId: string): Promise<void> {
    const id = toDocumentId(documentId)
    const parsed = parsePath(path)
    this.#engine.call((replica) => admitDocument(replica, parsed, id))
    await this.#engine.saved()
  }

  async ls(prefix = ''): Promise<readonly CatalogueEntry[]> {
    const parsed = parsePrefix(prefix)
    return this.#engine.call((replica) => replica.catalogue.list(parsed).map(entryOf))
  }

  headsOf(documentId: string): readonly string[] {
    const id = toDocumentId(documentId)
    return this.#engine.call((replica) => replica.knownDocument(id)?.heads ?? [])
  }

  async hasHeads(documentId: string, heads: readonly string[]): Promise<boolean> {
    return hasDocumentHeads(this.#asking, toDocumentId(documentId), heads)
  }

  changes(prefix = '', options: AbortOptions = {}): AsyncIterable<DocumentChange> {
    const parsed = parsePrefix(prefix)
    return followChanges(this.events, ({ path }) => isUnder(path, parsed), options)
  }

  async whenSynced(options: SyncedOptions = {}): Promise<SyncStatus> {
    const { with: wanted = 'any', quorum = 1, signal } = options
    const { replica } = this.#engine
    this.#engine.call(() => replica.assertWorking())
    const isEnough = (): boolean => {
      const peers = [...replica.exchange.peers.values()].filter((peer) => isSynced(replica, peer))
      const ids = new Set(peers.map(({ peerId }) => peerId))
      return wanted === 'any' ? ids.size >= quorum : ids.has(wanted)
    }
    if (!isEnough()) this.#engine.call(() => replica.exchange.hurry())
    await waitUntil(this.#waiters, isEnough, { signal })
    return this.status
  }

  async syncWith(peerId: PeerId, path?: string, options: AbortOptions = {}): Promise<SyncStatus> {
    const parsed = path === undefined ? undefined : parsePath(path)
    const isMeant = (peer: { readonly peerId: PeerId; readonly isReady: boolean }): boolean =>
      peer.peerId === peerId && peer.isReady
    this.#engine.call((replica) => {
      replica.assertWorking()
      if (![...replica.exchange.peers.values()].some(isMeant)) {
        throw new SyncError('ERR_PEER_NOT_SYNCING', `no channel to peer ${peerId}`, {
          hint: 'connect to the peer, and see that it has the database open',
        })
      }
      replica.exchange.compareAgain(isMeant)
    })
    if (parsed === undefined) return this.whenSynced({ ...options, with: peerId })
    const isHere = (): boolean => isSameAt(this.#engine.replica, peerId, parsed)
    await waitUntil(this.#waiters, isHere, { signal: options.signal })
    return this.status
  }

  /** Told by the engine what the replica tells. */
  onEvent(event: ReplicaEvent): void {
    if (!publishEvent(this.events, event)) this.#publishStatusSoon()
    for (const waiter of this.#waiters) waiter.onEvent(event)
    if (event.type === 'failed') {
      const error = new SyncError('ERR_SYNC_STORE', 'the store failed', { cause: event.error })
      for (const waiter of this.#waiters) waiter.reject(error)
    }
  }

  /** Many things happen at once; the status, which is one of all peers, is told once: at the end of the turn, and not again for a while. */
  #publishStatusSoon(): void {
    if (this.#isStatusDue || this.events.listenerCount === 0) return
    this.#isStatusDue = true
    if (!this.#statusPause) queueMicrotask(() => this.#publishStatus())
  }

  #publishStatus(): void {
    this.#isStatusDue = false
    if (this.#closing) return
    const [old, status] = [this.#lastStatus, this.status]
    this.#lastStatus = status
    this.#meter.note(status.ahead + status.behind, this.#now())
    const timer = setTimeout(() => {
      this.#statusPause = undefined
      if (this.#isStatusDue) this.#publishStatus()
    }, STATUS_PAUSE_MS)
    // Nobody's program goes on for the sake of a status.
    this.#statusPause = holdProgram(timer, false)
    if (stateText(old) !== stateText(status)) this.events.publish('sync:status', status)
    if (numberText(old) !== numberText(status)) this.events.publish('sync:progress', status)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearTimeout(this.#statusPause)
    this.#unlink()
    for (const handle of this.#handles) {
      // A store that failed was told to everybody who waits; closing goes on.
      await handle.close().catch(() => {})
    }
    await this.#engine.close()
    const error = new SyncError('ERR_DATABASE_CLOSED', `the database ${this.id} was closed`)
    for (const waiter of this.#waiters) waiter.reject(error)
    this.events.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
