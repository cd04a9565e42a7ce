import type { AuthorKey } from '@vudo/identity'
import type { StoreOperation } from '@vudo/storage'
import type { PeerId } from '@vudo/transport'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import { decodeTrustedRecord, encodeRecord, type CatalogueRecord } from './catalogue-record.ts'
import { Catalogue } from './catalogue.ts'
import { DocumentState } from './document-state.ts'
import { SyncError } from './errors.ts'
import { Exchange } from './exchange.ts'
import {
  MAX_ACKNOWLEDGING_PEERS,
  MAX_FLUSH_BYTES,
  MAX_FLUSH_DOCUMENTS,
  MAX_IDLE_BYTES,
  MAX_IDLE_DOCUMENTS,
  MAX_KNOWN_PEERS,
  MAX_RUNS,
} from './limits.ts'
import type { ChangeOrigin, ReplicaEffect, ReplicaEvent, ReplicaInput } from './replica-effects.ts'
import {
  ackKey,
  encodePosition,
  encodeRuns,
  encodeStoredRecord,
  peerKey,
  recordKey,
  runsKey,
  type StoredIndex,
  type StoreRun,
} from './stored-keys.ts'
import type { StorePosition } from './wire.ts'

/**
 * What somebody may want to do with a document: see it (`read`), change its content or
 * begin it (`write`), take it away from its path (`delete`). The engine itself never
 * asks for `admin`; it is there for policies that are asked by others as well.
 */
export type PolicyAction = 'read' | 'write' | 'delete' | 'admin'

/**
 * Decides who may do what where.
 *
 * It is asked often, with what peers send: it must be quick, must not throw, and must
 * give the same answer on all devices in the end, or they cannot agree.
 *
 * @param author - A public key as 64 characters of hex, or an empty text for a peer
 *   that has shown no author.
 * @param path - In canonical form.
 */
export type Policy = (author: string, action: PolicyAction, path: string) => boolean

/** What a replica begins with. */
export interface ReplicaInit {
  readonly database: string
  readonly author: AuthorKey
  /** This node, for whom the author vouches towards peers. */
  readonly peerId: PeerId
  /** 16 random bytes, new at each start. */
  readonly runId: Uint8Array
  /** What `decodeIndex` read from the store. */
  readonly index: StoredIndex
  /** @defaultValue every author may do everything */
  readonly policy?: Policy | undefined
}

/**
 * One device's copy of a database: catalogue, documents, and what each peer knows of
 * them. No clock, no disk, no socket: inputs and calls go in, effects come out.
 *
 * What holds at every moment:
 *
 * - **Nothing is acknowledged before it is durable.** Local edits, announcements,
 *   `stored` and positions in other stores follow the `persisted` that covers them.
 *   Edits may travel before; they are then only `received`.
 * - **A position is written together with the data it speaks of**, so a store that
 *   returns to an older copy asks for exactly what it lost.
 * - **Every accepted change gets a new arrival number**, with which it is announced.
 *   A number is used once: each start begins a new *run*, positions name the run, and
 *   one beyond the end of its run (the store was rolled back) counts up to that end.
 * - **A document is taken whole or not at all**: vetted, proven, allowed, applied, and
 *   compared with the heads that were announced.
 */
export class Replica {
  readonly catalogue: Catalogue = new Catalogue()
  readonly init: ReplicaInit
  readonly runs: readonly StoreRun[]
  /** Items by the order of their arrival: `r` and a record's hash, or `d` and a document's id. */
  readonly arrivals: Map<string, number> = new Map()
  readonly recordsByHash: Map<string, CatalogueRecord> = new Map()
  readonly positionsByPeer: Map<PeerId, StorePosition>
  /** The last arrival that is durable. */
  durableArrival = 0
  readonly #documents = new Map<string, DocumentState>()
  readonly #exchange: Exchange
  #effects: ReplicaEffect[] = []
  #lastArrival = 0
  #failure: { readonly error: unknown } | undefined
  #token = 0
  #flight: { readonly token: number; readonly done: (() => void)[] } | undefined
  /** What waits for the next write. */
  #afterNext: (() => void)[] = []
  readonly #dirtyDocuments = new Set<DocumentState>()
  readonly #dirtyRecords = new Map<string, CatalogueRecord>()
  readonly #dirtyOperations = new Map<string, StoreOperation>()
  /** Open documents nobody holds, least recently used first. */
  readonly #idle = new Set<DocumentState>()

  constructor(init: ReplicaInit) {
    this.init = init
    const { index } = init
    this.positionsByPeer = new Map(index.positionsByPeer)
    this.#loadIndex(index)
    this.runs = this.#beginRun(index.runs)
    this.#exchange = new Exchange(this)
  }

  #loadIndex(index: StoredIndex): void {
    const items: [string, number][] = []
    const stored = index.records.map(({ arrival, bytes }) => {
      return { arrival, record: decodeTrustedRecord(this.init.database, bytes) }
    })
    // Each after its predecessor: only so many may wait for theirs.
    stored.sort((a, b) => a.record.generation - b.record.generation)
    for (const { arrival, record } of stored) {
      items.push([`r${record.hash}`, arrival])
      this.catalogue.add(record, (added) => this.recordsByHash.set(added.hash, added))
    }
    for (const [id, document] of index.documents) {
      items.push([`d${id}`, document.arrival])
      this.#documents.set(id, new DocumentState(id, this.#documentContext(), document))
    }
    for (const { id, peer, digest } of index.acks)
      this.#documents.get(id)?.ackByPeer.set(peer, digest)
    for (const [item, arrival] of items.toSorted(([, a], [, b]) => a - b)) {
      this.arrivals.set(item, arrival)
      this.#lastArrival = arrival
    }
    this.durableArrival = this.#lastArrival
  }

  /** A life without arrivals leaves no trace. */
  #beginRun(former: readonly StoreRun[]): StoreRun[] {
    const run: StoreRun = { id: bytesToHex(this.init.runId), firstArrival: this.#lastArrival + 1 }
    const used = former.filter(({ firstArrival }) => firstArrival <= this.#lastArrival)
    const runs = [...used, run].slice(-MAX_RUNS)
    this.write({ type: 'put', key: runsKey, value: encodeRuns(runs) })
    return runs
  }

  #documentContext(): { database: string; author: AuthorKey; runId: Uint8Array } {
    const { database, author, runId } = this.init
    return { database, author, runId }
  }

  /** The numbers of peers and queues, for the status. */
  get exchange(): Exchange {
    return this.#exchange
  }

  /** True while something is in memory that is not durable. */
  get isWriting(): boolean {
    return this.#flight !== undefined || this.#isDirty
  }

  get #isDirty(): boolean {
    return this.#dirtyDocuments.size + this.#dirtyRecords.size + this.#dirtyOperations.size > 0
  }

  /** Why nothing more is accepted, if so. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** Takes an input. Never throws for a peer's fault. `nowMs` counts from 1970. */
  handle(input: ReplicaInput, nowMs: number): readonly ReplicaEffect[] {
    if (!this.#failure) this.#take(input, nowMs)
    return this.takeEffects()
  }

  #take(input: ReplicaInput, nowMs: number): void {
    switch (input.type) {
      case 'document-read':
        this.#documentRead(input)
        break
      case 'persisted':
        if (this.#flight?.token === input.token) this.#persisted()
        break
      case 'persist-failed':
        this.#failure = { error: input.error }
        this.emit({ type: 'failed', error: input.error })
        break
      default:
        this.#exchange.handle(input, nowMs)
    }
  }

  /** What the driver must do after a call of the application. */
  takeEffects(): readonly ReplicaEffect[] {
    this.#flush()
    this.#evict()
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** @throws `SyncError` `ERR_SYNC_STORE`. */
  assertWorking(): void {
    if (!this.#failure) return
    throw new SyncError('ERR_SYNC_STORE', 'the store failed; nothing more is accepted', {
      cause: this.#failure.error,
      hint: 'look at the cause, make room or repair the disk, and start again',
    })
  }

  // What the exchange and the application build on.

  effect(effect: ReplicaEffect): void {
    this.#effects.push(effect)
  }

  emit(event: ReplicaEvent): void {
    this.#effects.push({ type: 'event', event })
  }

  document(id: string): DocumentState {
    const known = this.#documents.get(id)
    if (known) return known
    const state = new DocumentState(id, this.#documentContext())
    this.#documents.set(id, state)
    return state
  }

  knownDocument(id: string): DocumentState | undefined {
    return this.#documents.get(id)
  }

  documents(): Iterable<DocumentState> {
    return this.#documents.values()
  }

  /** Runs `task` when the document is open: now, or after it was read. */
  withDocument(state: DocumentState, task: () => void): void {
    if (!state.doc && state.stored.chunkCount === 0) state.load([], [])
    if (state.doc) {
      this.#idle.delete(state)
      task()
      if (state.pins === 0) this.#idle.add(state)
      return
    }
    state.waiting.push(task)
    if (state.isReading) return
    state.isReading = true
    this.effect({ type: 'read-document', id: state.id })
  }

  #documentRead(input: ReplicaInput & { type: 'document-read' }): void {
    const state = this.#documents.get(input.id)
    if (!state?.isReading) return
    state.isReading = false
    if (!state.doc && !state.load(input.chunks, input.proofs)) this.#damaged(state)
    for (const task of state.waiting.splice(0)) this.withDocument(state, task)
  }

  /** A document that the disk has damaged is asked for again, from everybody and from the start. */
  #damaged(state: DocumentState): void {
    const path = this.catalogue.pathOf(state.id)
    const reason = 'damaged on this device; asking the peers for what is missing'
    this.emit({ type: 'document:quarantined', id: state.id, path, peerId: undefined, reason })
    this.#dirtyDocuments.add(state)
    this.#exchange.compareAgain()
  }

  pin(state: DocumentState, by: 1 | -1): void {
    state.pins += by
    if (state.pins > 0) this.#idle.delete(state)
    else if (state.doc) this.#idle.add(state)
  }

  #evict(): void {
    // What is not durable yet cannot be read back.
    if (this.#flight || this.#idle.size === 0) return
    let bytes = 0
    for (const { stored } of this.#idle) bytes += stored.snapshotBytes + stored.laterBytes
    for (const state of this.#idle) {
      if (this.#idle.size <= MAX_IDLE_DOCUMENTS && bytes <= MAX_IDLE_BYTES) return
      if (state.isDirty || state.waiting.length > 0) continue
      bytes -= state.stored.snapshotBytes + state.stored.laterBytes
      this.#idle.delete(state)
      state.unload()
    }
  }

  /** The document has changed in memory. */
  changed(state: DocumentState, origin: ChangeOrigin, created = false): void {
    this.#dirtyDocuments.add(state)
    const path = this.catalogue.pathOf(state.id)
    const { id, heads } = state
    if (path !== undefined)
      this.emit({ type: 'document:changed', id, path, origin, created, heads })
    this.#exchange.documentChanged(state)
  }

  /**
   * Takes a record whose signature and author were checked.
   *
   * @throws as `Catalogue.add`.
   */
  addRecord(record: CatalogueRecord, origin: ChangeOrigin): void {
    this.catalogue.add(record, (added) => {
      const { path, hash, state, documentId: id } = added
      const isNews = !this.recordsByHash.has(hash)
      this.recordsByHash.set(hash, added)
      this.#dirtyRecords.set(hash, added)
      if (!isNews || this.catalogue.winner(path)?.hash !== hash) return
      const { heads } = this.document(id)
      if (state === 'deleted') this.emit({ type: 'document:deleted', id, path, origin })
      else this.emit({ type: 'document:changed', id, path, origin, created: true, heads })
    })
  }

  /** Adds an operation to the next write; a later one for the same key replaces it. */
  write(operation: StoreOperation): void {
    this.#dirtyOperations.set(bytesToHex(operation.key), operation)
  }

  writePosition(peer: PeerId, position: StorePosition): void {
    this.positionsByPeer.delete(peer)
    this.positionsByPeer.set(peer, position)
    this.write({ type: 'put', key: peerKey(peer), value: encodePosition(position) })
    const [oldest] = this.positionsByPeer.keys()
    if (this.positionsByPeer.size <= MAX_KNOWN_PEERS || oldest === undefined) return
    this.positionsByPeer.delete(oldest)
    this.write({ type: 'delete', key: peerKey(oldest) })
  }

  /** Remembers what a peer has stored of a document. It may be lost in a crash: then it is announced once more. */
  writeAck(state: DocumentState, peer: PeerId, digest: string | undefined): void {
    if (state.ackByPeer.get(peer) === digest) return
    state.ackByPeer.delete(peer)
    const key = ackKey(state.id, peer)
    if (digest === undefined) return this.write({ type: 'delete', key })
    state.ackByPeer.set(peer, digest)
    this.write({ type: 'put', key, value: hexToBytes(digest) })
    const [oldest] = state.ackByPeer.keys()
    if (state.ackByPeer.size > MAX_ACKNOWLEDGING_PEERS && oldest !== undefined) {
      this.writeAck(state, oldest, undefined)
    }
  }

  /** Runs `task` when everything that is in memory now is durable. */
  whenDurable(task: () => void): void {
    if (this.#isDirty) this.#afterNext.push(task)
    else if (this.#flight) this.#flight.done.push(task)
    else task()
  }

  /** One write at a time: what happens meanwhile is gathered for the next one. */
  #flush(): void {
    if (this.#flight || this.#failure || !this.#isDirty) return
    const items: { item: string; arrival: number }[] = []
    const operations: StoreOperation[] = []
    const arrive = (item: string): number => {
      this.#lastArrival += 1
      items.push({ item, arrival: this.#lastArrival })
      return this.#lastArrival
    }
    for (const [hash, record] of this.#dirtyRecords) {
      const value = encodeStoredRecord(arrive(`r${hash}`), encodeRecord(record))
      operations.push({ type: 'put', key: recordKey(hash), value })
    }
    this.#dirtyRecords.clear()
    const documents: { state: DocumentState; heads: readonly string[] }[] = []
    let bytes = 0
    for (const state of this.#dirtyDocuments) {
      if (bytes > MAX_FLUSH_BYTES || documents.length >= MAX_FLUSH_DOCUMENTS) break
      const added = state.takeOperations(arrive(`d${state.id}`))
      for (const operation of added) bytes += operation.type === 'put' ? operation.value.length : 0
      operations.push(...added)
      documents.push({ state, heads: state.stored.heads })
      this.#dirtyDocuments.delete(state)
    }
    // A position may not become durable before the data it speaks of; nor may anybody be told.
    const isAll = this.#dirtyDocuments.size === 0
    if (isAll) {
      operations.push(...this.#dirtyOperations.values())
      this.#dirtyOperations.clear()
    }
    const waiting = isAll ? this.#afterNext.splice(0) : []
    const token = ++this.#token
    const settle = (): void => {
      for (const { state, heads } of documents) state.durableHeads = heads
      for (const { item, arrival } of items) {
        // Out and in again: the order of the map is the order of arrival.
        this.arrivals.delete(item)
        this.arrivals.set(item, arrival)
        this.durableArrival = arrival
      }
      this.#exchange.arrived(items.map(({ item }) => item))
    }
    this.#flight = { token, done: [settle, ...waiting] }
    this.effect({ type: 'persist', token, operations })
  }

  #persisted(): void {
    const done = this.#flight?.done ?? []
    this.#flight = undefined
    for (const task of done) task()
    this.#exchange.durable()
  }

  // What the application does.

  may(author: string, action: PolicyAction, path: string): boolean {
    return this.init.policy?.(author, action, path) ?? true
  }

  /** Tells whether the policy lets an author do that with a document, under any path that governs it. */
  mayWith(author: string, action: PolicyAction, id: string): boolean {
    if (!this.init.policy) return true
    const { database } = this.init
    const paths = this.catalogue.governingPaths(id, database, (mover, from) =>
      this.may(mover, 'delete', from),
    )
    return paths.some((path) => this.may(author, action, path))
  }
}
