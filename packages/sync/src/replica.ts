import type { AuthorKey } from '@vudo/identity'
import type { StoreOperation } from '@vudo/storage'
import type { PeerId } from '@vudo/transport'
import { bytesToHex } from '@vudo/wire'
import type { ActorProof } from './authorship.ts'
import { BlobBook } from './blob-book.ts'
import type { CatalogueRecord } from './catalogue-record.ts'
import { Catalogue } from './catalogue.ts'
import { isAckOf, toAck } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { SyncError } from './errors.ts'
import { Exchange } from './exchange.ts'
import {
  MAX_ACKNOWLEDGING_PEERS,
  MAX_IDLE_RUNS,
  MAX_KNOWN_PEERS,
  MAX_RUNS,
  SIGNED_TOGETHER,
} from './limits.ts'
import { isDocumentProven } from './apply-batch.ts'
import { OpenDocuments, type ReadDocument } from './open-documents.ts'
import { PendingVettings } from './pending-vettings.ts'
import { PendingWrites } from './pending-writes.ts'
import { RetiredDocuments } from './retired-documents.ts'
import { SignedAlone } from './signed-alone.ts'
import type { ChangeOrigin, ReplicaEffect, ReplicaEvent, ReplicaInput } from './replica-effects.ts'
import {
  ackKey,
  encodeAck,
  encodePosition,
  encodeRuns,
  peerKey,
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

/** The timer of the writes among those of the channels, whose numbers begin with 1. */
export const writeTimer = 0

/** The timer of the rest between two rounds of live edits. */
export const liveTimer = -1

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
  /** Paths from which on stores are compared by ranges. @defaultValue `MIN_COMPARED_PATHS` */
  readonly minComparedPaths?: number | undefined
  /** Statements of a kind from which on they are signed together. @defaultValue `SIGNED_TOGETHER` */
  readonly signedTogether?: number | undefined
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
  readonly init: Omit<ReplicaInit, 'index'>
  readonly runs: readonly StoreRun[]
  readonly recordsByHash: Map<string, CatalogueRecord> = new Map()
  readonly positionsByPeer: Map<PeerId, StorePosition>
  /** What each peer understood when it was here last. */
  readonly featuresByPeer: Map<PeerId, number>
  readonly #documents: OpenDocuments
  readonly #writes = new PendingWrites()
  readonly #vettings = new PendingVettings()
  readonly #signedAlone = new SignedAlone(this)
  readonly #exchange: Exchange
  /** Documents that were deleted, or have a successor. */
  readonly retired: RetiredDocuments
  /** Which blobs documents name. */
  readonly blobs: BlobBook
  /** Documents of which no peer is known to have stored what is here; kept up, as status is asked for with each edit. */
  readonly #unstored = new Set<string>()
  #isFull = false
  #effects: ReplicaEffect[] = []
  #failure: { readonly error: unknown } | undefined

  constructor({ index, ...init }: ReplicaInit) {
    // Without the index, whose bytes would stay in memory with it.
    this.init = init
    this.positionsByPeer = new Map(index.positionsByPeer)
    this.featuresByPeer = new Map(index.featuresByPeer)
    const onProofs = (id: string, proofs: readonly ActorProof[]): void => {
      this.#signedAlone.addProofs(id, proofs)
    }
    this.#documents = new OpenDocuments(
      { ...init, onProofs },
      {
        read: (id) => this.effect({ type: 'read-document', id }),
        onDamage: (state, reason) => this.#damaged(state, reason),
        vet: (state, saved) => {
          this.vet([saved], (refusal) => this.#documents.vetted(state, refusal))
        },
        isProven: (state, saved) => isDocumentProven(state, saved, init.database),
      },
    )
    this.retired = new RetiredDocuments(this, index)
    this.blobs = new BlobBook(this, index)
    this.#loadIndex(index)
    this.runs = this.#beginRun(index.runs)
    this.#exchange = new Exchange(this)
  }

  #loadIndex(index: StoredIndex): void {
    const items: [string, number][] = []
    // Each after its predecessor: only so many may wait for theirs.
    const stored = index.records.toSorted((a, b) => a.record.generation - b.record.generation)
    for (const { arrival, record } of stored) {
      items.push([`r${record.hash}`, arrival])
      this.catalogue.add(record, (added) => {
        this.recordsByHash.set(added.hash, added)
        this.retired.sawRecord(added)
      })
    }
    for (const [id, document] of index.documents) {
      items.push([`d${id}`, document.arrival])
      this.#documents.restore(id, document)
    }
    for (const { id, peer, ack } of index.acks) {
      const state = this.#documents.get(id)
      state?.ackByPeer.set(peer, typeof ack === 'string' ? ack : toAck(state, ack))
    }
    for (const state of this.#documents.values()) this.#countUnstored(state)
    this.#writes.restore(items)
  }

  /** A life without arrivals is soon forgotten: only what met it last names it. */
  #beginRun(former: readonly StoreRun[]): StoreRun[] {
    const { lastArrival } = this.#writes
    const run: StoreRun = { id: bytesToHex(this.init.runId), firstArrival: lastArrival + 1 }
    const used = former.filter(
      ({ firstArrival }, at) => firstArrival <= lastArrival || at >= former.length - MAX_IDLE_RUNS,
    )
    const runs = [...used, run].slice(-MAX_RUNS)
    this.write({ type: 'put', key: runsKey, value: encodeRuns(runs) })
    return runs
  }

  /** Durable items by the order of their arrival: `r` and a record's hash, or `d` and a document's id. */
  get arrivals(): ReadonlyMap<string, number> {
    return this.#writes.arrivals
  }

  /** The last arrival that is durable. */
  get durableArrival(): number {
    return this.#writes.durableArrival
  }

  /** The numbers of peers and queues, for the status. */
  get exchange(): Exchange {
    return this.#exchange
  }

  /** True while something is in memory that is not durable. */
  get isWriting(): boolean {
    return this.#writes.isBusy
  }

  /** True while something waits for a write, also what may be lost. */
  get hasUnwritten(): boolean {
    return this.#writes.isDirty || this.#writes.isUnderWay
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
        this.#documents.documentRead(input)
        break
      case 'vetted':
        this.#vettings.settle(input.token, input.refusal)
        break
      case 'persisted':
        this.#persisted(input.token)
        break
      case 'timer':
        if (input.link === writeTimer) this.#writes.onTimer()
        else if (input.link === liveTimer) this.#exchange.rounds.over()
        else this.#exchange.handle(input, nowMs)
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
    const write = this.#failure ? undefined : this.#writes.next()
    if (write) this.effect({ type: 'persist', ...write })
    const inMs = this.#failure ? undefined : this.#writes.takeTimer()
    if (inMs !== undefined) this.effect({ type: 'set-timer', link: writeTimer, inMs })
    if (!this.#writes.isUnderWay) this.#documents.evict()
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** The store has no room, or has again. */
  setFull(isFull: boolean): void {
    this.#isFull = isFull
    this.emit({ type: isFull ? 'storage:full' : 'storage:writable' })
    this.emit({ type: 'progress' })
  }

  /** To be asked before anything is made that has to be stored. @throws `SyncError` `ERR_STORAGE_FULL`. */
  assertRoom(): void {
    if (!this.#isFull) return
    throw new SyncError('ERR_STORAGE_FULL', 'the store has no room; nothing was changed', {
      hint: 'make room on the disk: edits work again by themselves',
    })
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

  /** How many documents hold something that no peer is known to have stored. */
  get unstoredCount(): number {
    return this.#unstored.size
  }

  #countUnstored({ id, heads, ackByPeer }: DocumentState): void {
    const isUnstored = heads.length > 0 && !ackByPeer.some((ack) => isAckOf(ack, heads))
    if (isUnstored) this.#unstored.add(id)
    else this.#unstored.delete(id)
  }

  /** Adds something for the driver to do, after what was added before. */
  effect(effect: ReplicaEffect): void {
    this.#effects.push(effect)
  }

  /** Tells the outside something, in order with all other effects. */
  emit(event: ReplicaEvent): void {
    this.#effects.push({ type: 'event', event })
  }

  /** The document with this id: an empty one, from now on known, when it was unknown. */
  document(id: string): DocumentState {
    return this.#documents.obtain(id)
  }

  /** The document with this id, if anything was ever heard of it. */
  knownDocument(id: string): DocumentState | undefined {
    return this.#documents.get(id)
  }

  /** All known documents, empty ones included. */
  documents(): Iterable<DocumentState> {
    return this.#documents.values()
  }

  /** Runs `task` when the document is open: now, or after it was read. It stays open during the task only, unless it is pinned. */
  withDocument(state: DocumentState, task: () => void): void {
    this.#documents.whenOpen(state, task)
  }

  /** Runs `task` with what the store holds of a document that is not open, which stays closed. */
  withStored(state: DocumentState, task: (read: ReadDocument) => void): void {
    this.#documents.whenRead(state, task)
  }

  /** Runs `task` when the vetting thread has opened what the pieces make: with the reason when it is to be refused. */
  vet(pieces: readonly Uint8Array[], task: (refusal: string | undefined) => void): void {
    this.effect({ type: 'vet', token: this.#vettings.begin(task), pieces })
  }

  /** True when no further batch of a peer is to be vetted. */
  get isVettingFull(): boolean {
    return this.#vettings.isFull
  }

  /** Keeps an open document in memory, until it was unpinned as often as pinned. For open handles. */
  pin(state: DocumentState): void {
    this.#documents.pin(state)
  }

  /** Takes back one {@link pin}. */
  unpin(state: DocumentState): void {
    this.#documents.unpin(state)
    this.retired.released(state)
  }

  /** Knows nothing of an open document any more, and takes it from the disk. It must be at rest. */
  removeDocument(state: DocumentState): void {
    for (const operation of state.removeOperations()) this.write(operation)
    this.#writes.forgetDocument(state)
    this.#signedAlone.forgetDocument(state.id)
    this.#unstored.delete(state.id)
    this.#documents.remove(state)
    this.blobs.documentRemoved(state)
  }

  /** A document that the disk has damaged is asked for again, from everybody and from the start. */
  #damaged(state: DocumentState, reason: string): void {
    const path = this.catalogue.pathOf(state.id)
    this.emit({ type: 'document:quarantined', id: state.id, path, peerId: undefined, reason })
    this.#writes.addDocument(state, true)
    this.blobs.documentChanged(state)
    // Another copy of what costs too much costs as much.
    if (!state.isOverBudget) this.#exchange.compareAgain()
  }

  /**
   * The document has changed in memory: it is to be stored, and told to the application and
   * to peers.
   *
   * @param created - The path has begun to lead to it.
   */
  changed(state: DocumentState, origin: ChangeOrigin, created = false): void {
    this.#writes.addDocument(state, origin === 'local')
    if (state.unstored.isMuch) this.#writes.urge()
    if (state.log) this.#documents.logged(state)
    this.#countUnstored(state)
    this.blobs.documentChanged(state)
    const path = this.catalogue.pathOf(state.id)
    const { id, heads } = state
    if (path !== undefined)
      this.emit({ type: 'document:changed', id, path, origin, created, heads })
    this.#exchange.documentChanged(state)
    this.retired.documentChanged(state, origin)
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
      this.#writes.addRecord(added)
      this.#signedAlone.addRecord(added)
      if (!isNews || this.catalogue.winner(path)?.hash !== hash) return
      const { heads } = this.document(id)
      if (state === 'deleted') this.emit({ type: 'document:deleted', id, path, origin })
      else this.emit({ type: 'document:changed', id, path, origin, created: true, heads })
      this.retired.recordAdded(added, origin)
    })
  }

  /** Adds an operation to the next write; a later one for the same key replaces it. */
  write(operation: StoreOperation): void {
    this.#writes.addOperation(operation, true)
  }

  /** As {@link write}, for what may be lost: it waits for something else to be written, or for a while. */
  writeSometime(operation: StoreOperation): void {
    this.#writes.addOperation(operation, false)
  }

  /** Moves where we stand in a peer's store. Durable together with, or after, the data that it speaks of. */
  writePosition(peer: PeerId, position: StorePosition): void {
    this.positionsByPeer.delete(peer)
    this.positionsByPeer.set(peer, position)
    const features = this.featuresByPeer.get(peer) ?? 0
    this.write({ type: 'put', key: peerKey(peer), value: encodePosition(position, features) })
    const [oldest] = this.positionsByPeer.keys()
    if (this.positionsByPeer.size <= MAX_KNOWN_PEERS || oldest === undefined) return
    this.positionsByPeer.delete(oldest)
    this.featuresByPeer.delete(oldest)
    this.write({ type: 'delete', key: peerKey(oldest) })
  }

  /** Where we stand in a peer's store counts no more: it is no known peer until it is met again. */
  forgetPosition(peer: PeerId): void {
    this.featuresByPeer.delete(peer)
    if (this.positionsByPeer.delete(peer)) this.write({ type: 'delete', key: peerKey(peer) })
  }

  /** Remembers what a peer has stored of a document. It may be lost in a crash: then it is announced once more. */
  writeAck(state: DocumentState, peer: PeerId, heads: readonly string[] | undefined): void {
    const former = state.ackByPeer.get(peer)
    if (heads ? isAckOf(former, heads.toSorted()) : !former) return
    state.ackByPeer.delete(peer)
    const key = ackKey(state.id, peer)
    if (heads === undefined) {
      this.#countUnstored(state)
      return this.write({ type: 'delete', key })
    }
    const ack = toAck(state, heads)
    state.ackByPeer.set(peer, ack)
    this.#countUnstored(state)
    this.writeSometime({ type: 'put', key, value: encodeAck(ack) })
    if (state.ackByPeer.size <= MAX_ACKNOWLEDGING_PEERS) return
    const [oldest] = state.ackByPeer.keys()
    if (oldest !== undefined) this.writeAck(state, oldest, undefined)
  }

  /** Runs `task` when everything that is in memory now is durable, which is hurried on. */
  whenDurable(task: () => void): void {
    this.#writes.whenDurable(task, true)
  }

  /** As {@link whenDurable}, for what nobody waits for. */
  whenDurableSometime(task: () => void): void {
    this.#writes.whenDurable(task, false)
  }

  /** Somebody waits until what is in memory now is durable. */
  urgeWrites(): void {
    this.#writes.urge()
  }

  /** Here, and nowhere before, anybody is told that something is stored. */
  #persisted(token: number): void {
    const settled = this.#writes.settle(token)
    if (!settled) return
    this.#exchange.arrived(settled.items)
    for (const task of settled.tasks) task()
    this.#exchange.durable()
    this.retired.sweep()
    this.blobs.persisted()
    this.signTogether(this.init.signedTogether ?? SIGNED_TOGETHER)
  }

  /** Signs once more, together, what was signed alone, if there are so many statements of a kind and nothing else waits to be written. */
  signTogether(atLeast: number): void {
    this.#signedAlone.signTogether(atLeast)
  }

  // What the application may do.

  /** Tells whether the policy lets an author do that under a path. */
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
