import { admitDocument, beginDocument, removePath, renamePath } from './local-edits.ts'
import * as Automerge from '@automerge/automerge'
import { createEventHub, type EventHub } from '@vudo/events'
import { randomBytes, type AuthorKey } from '@vudo/identity'
import type { Network } from '@vudo/network'
import type { StoreView } from '@vudo/storage'
import type { AbortOptions, PeerId } from '@vudo/transport'
import type { CatalogueRecord } from './catalogue-record.ts'
import { followChanges } from './change-stream.ts'
import { createDocumentHandle } from './document-handle.ts'
import { documentIdToUrl, parseDocumentUrl } from './document-id.ts'
import type { DocumentState } from './document-state.ts'
import { Engine } from './engine.ts'
import { SyncError } from './errors.ts'
import { MAX_DATABASE_ID_BYTES } from './limits.ts'
import { linkToNetwork } from './network-link.ts'
import { collectionOf, isUnder, parsePath } from './paths.ts'
import type { ReplicaEvent } from './replica-effects.ts'
import type { Policy, Replica } from './replica.ts'
import { isSynced, statusOf } from './sync-status.ts'
import type {
  CatalogueEntry,
  Database,
  DatabaseEvents,
  DocumentChange,
  DocumentHandle,
  SyncedOptions,
  SyncStatus,
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
 * @throws `RangeError` when the id has a wrong length; `StoreError` when the store cannot
 *   be read; `WireError` `ERR_DECODE` when another program wrote into it.
 */
export async function openDatabase(init: DatabaseInit): Promise<Database> {
  const length = new TextEncoder().encode(init.id).length
  if (length < 1 || length > MAX_DATABASE_ID_BYTES) {
    throw new RangeError(`the id has ${length} bytes, expected 1 to ${MAX_DATABASE_ID_BYTES}`)
  }
  const { id, store, author, network, policy, now = Date.now, random = randomBytes } = init
  const database: { current?: OpenDatabase } = {}
  const engine = await Engine.open({
    store,
    now,
    policy,
    author,
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
    this.#unlink = network ? linkToNetwork(network, id, engine) : () => {}
  }

  get status(): SyncStatus {
    return statusOf(this.#engine.replica)
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
    const handle: DocumentHandle<T> = createDocumentHandle<T>(parsed, state, {
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
    const parsed = parsePath(path)
    return this.#answered<T | undefined>((replica, resolve) => {
      replica.assertWorking()
      const record = replica.catalogue.winner(parsed)
      if (record?.state !== 'live') return resolve(undefined)
      const state = replica.document(record.documentId)
      replica.withDocument(state, () => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape is the application's promise to itself
        resolve(Automerge.toJS(state.open) as unknown as T)
      })
    })
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

  async remove(path: string): Promise<void> {
    const parsed = parsePath(path)
    this.#engine.call((replica) => removePath(replica, parsed))
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
    const parsed = prefix === '' ? '' : parsePath(prefix.replace(/\/$/, ''))
    return this.#engine.call((replica) => replica.catalogue.list(parsed).map(entryOf))
  }

  headsOf(documentId: string): readonly string[] {
    const id = toDocumentId(documentId)
    return this.#engine.call((replica) => replica.knownDocument(id)?.heads ?? [])
  }

  async hasHeads(documentId: string, heads: readonly string[]): Promise<boolean> {
    const id = toDocumentId(documentId)
    return this.#answered<boolean>((replica, resolve) => {
      replica.assertWorking()
      const state = replica.knownDocument(id)
      const isNewest = heads.every((head) => state?.heads.includes(head))
      // What has no change at all has no history to look into.
      if (state === undefined || state.heads.length === 0 || isNewest) return resolve(isNewest)
      replica.withDocument(state, () => resolve(state.has(heads)))
    })
  }

  changes(prefix = '', options: AbortOptions = {}): AsyncIterable<DocumentChange> {
    const parsed = prefix === '' ? '' : parsePath(prefix.replace(/\/$/, ''))
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
    const isHere = (): boolean => this.#isSameAt(peerId, parsed)
    await waitUntil(this.#waiters, isHere, { signal: options.signal })
    return this.status
  }

  /** The peer has announced all it has, and confirmed what is under the path here. */
  #isSameAt(peerId: PeerId, path: string): boolean {
    const { replica } = this.#engine
    const record = replica.catalogue.winner(path)
    const state = record && replica.document(record.documentId)
    return [...replica.exchange.peers.values()].some((peer) => {
      if (peer.peerId !== peerId || !peer.heardLast || !peer.saidLast) return false
      if (!record || !state) return true
      const isSaid = !peer.queue.has(`r${record.hash}`) && peer.pagesInFlight.size === 0
      const isEmpty = state.heads.length === 0
      return (
        isSaid && !peer.wants.has(state.id) && (isEmpty || replica.exchange.hasStored(peer, state))
      )
    })
  }

  /** Told by the engine what the replica tells. */
  onEvent(event: ReplicaEvent): void {
    this.#publish(event)
    for (const waiter of this.#waiters) waiter.onEvent(event)
    if (event.type === 'failed') {
      const error = new SyncError('ERR_SYNC_STORE', 'the store failed', { cause: event.error })
      for (const waiter of this.#waiters) waiter.reject(error)
    }
  }

  #publish(event: ReplicaEvent): void {
    switch (event.type) {
      case 'document:changed':
      case 'document:deleted':
        this.events.publish(event.type, changeOf(event))
        break
      case 'document:quarantined': {
        const { path, id, peerId, reason } = event
        const documentId = documentIdToUrl(id)
        this.events.publish(event.type, { path, documentId, peerId, reason })
        break
      }
      case 'peer:fault': {
        const { peerId, code, message } = event
        this.events.publish(event.type, { peerId, code, message })
        break
      }
      case 'warning':
        this.events.publish('warning', { path: event.path, message: event.message })
        break
      default:
        this.#publishStatusSoon()
    }
  }

  /** Many things happen at once; the status is told once. */
  #publishStatusSoon(): void {
    if (this.#isStatusDue) return
    this.#isStatusDue = true
    queueMicrotask(() => {
      this.#isStatusDue = false
      if (this.#closing) return
      const [old, status] = [this.#lastStatus, this.status]
      this.#lastStatus = status
      if (stateText(old) !== stateText(status)) this.events.publish('sync:status', status)
      if (numberText(old) !== numberText(status)) this.events.publish('sync:progress', status)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
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

function toDocumentId(url: string): string {
  const id = parseDocumentUrl(url)
  if (id !== undefined) return id
  throw new SyncError('ERR_PATH_INVALID', 'the document id is not an automerge: URL')
}

function entryOf({ path, documentId, generation, state, author }: CatalogueRecord): CatalogueEntry {
  const collection = collectionOf(path)
  return { path, collection, documentId: documentIdToUrl(documentId), generation, state, author }
}

function changeOf(
  event: ReplicaEvent & { type: 'document:changed' | 'document:deleted' },
): DocumentChange {
  const { path, origin, id } = event
  const isDeleted = event.type === 'document:deleted'
  return {
    type: isDeleted ? 'deleted' : 'changed',
    path,
    collection: collectionOf(path),
    documentId: documentIdToUrl(id),
    origin,
    created: !isDeleted && event.created,
  }
}

function stateText({ state, peers }: SyncStatus): string {
  return [state, ...peers.map((peer) => peer.peerId + peer.state)].join()
}

function numberText({ ahead, behind, pendingBytes }: SyncStatus): string {
  return [ahead, behind, pendingBytes].join()
}
