import * as Automerge from '@automerge/automerge'
import type { AuthorKey } from '@vudo/identity'
import type { StoreOperation } from '@vudo/storage'
import { concatBytes } from '@vudo/wire'
import { AckBook } from './ack-book.ts'
import {
  deriveActor,
  deriveNonce,
  readStoredProof,
  signProof,
  type ActorOrigin,
  type ActorProof,
} from './authorship.ts'
import type { ChangeHeader } from './automerge-chunks.ts'
import { isMostOf } from './change-batches.ts'
import { ChangeLog, replaceHeads, type EncodedEdits } from './change-log.ts'
import { ChunkTail } from './chunk-tail.ts'
import {
  addSound,
  deleteChunks,
  discard,
  openChunks,
  placeSnapshot,
  putChunks,
  salvage,
} from './document-chunks.ts'
import { headsOf, sameHeads } from './document-heads.ts'
import { DocumentSize } from './document-size.ts'
import {
  FORGOTTEN_CHANGES,
  MAX_CHUNKS,
  MAX_CLOSED_LATER_BYTES,
  MAX_LATER_BYTES,
  SMALL_CHUNKS_BYTES,
} from './limits.ts'
import type { StoredReader } from './open-documents.ts'
import { ProofBook, type UnsignedChange } from './proof-book.ts'
import type { LinkId } from './replica-effects.ts'
import { none } from './shared-empty.ts'
import { ackKey, documentKey, proofKey, type StoredDocument, nothingStored } from './stored-keys.ts'
import { putDocument, putProof } from './stored-puts.ts'
import { UnstoredChanges } from './unstored-changes.ts'

/** Any document: its shape is the application's business. */
export type AnyDocument = Automerge.Doc<Record<string, unknown>>

/** What all documents of a replica share. */
export interface DocumentContext {
  readonly database: string
  readonly author: AuthorKey
  /** 16 bytes, new at each start of the program. */
  readonly runId: Uint8Array
  /** How often the document has gone from this device in this run. @defaultValue 0 */
  readonly life?: number
  /** Told of true proofs that are in the next write. */
  readonly onProofs?: ((documentId: string, proofs: readonly ActorProof[]) => void) | undefined
}

/** One document of a replica: always known by its heads, open only while somebody works on it. */
export class DocumentState {
  readonly id: string
  readonly context: DocumentContext
  /** What is durable, or will be with the write that is under way. */
  stored: StoredDocument
  /** Of the open document, or of what would be opened. */
  readonly size: DocumentSize
  /** What is durable for sure: the only state that may be announced or acknowledged. */
  durableHeads: readonly string[]
  doc: AnyDocument | undefined
  /** In memory, sorted. */
  heads: readonly string[]
  /** Open handles and requests that keep it in memory. */
  pins = 0
  /** What was durable when the read that is under way began: at least that is what it shows. */
  readSince: readonly string[] | undefined
  isDirty = false
  /** What was sent last as live edits, for all peers in the same state. */
  lastEdits: EncodedEdits | undefined
  /** Work that waits for the document to be read. */
  waiting: (() => void)[] = none
  /** Who waits for what the store holds of it, without opening it. */
  readers: StoredReader[] = none
  /** What each peer has stored. */
  readonly ackByPeer: AckBook = new AckBook()
  #log: ChangeLog | undefined
  /** The number of the next change that is logged. */
  #logEnd = 1
  /** The open document has everything of the log before this number. */
  #appliedUpTo = 1
  /** Changes that are in no write yet. */
  readonly unstored: UnstoredChanges = new UnstoredChanges()
  /** Only of a document that was edited in this run. */
  #tail: ChunkTail | undefined
  readonly #proofs = new ProofBook()
  #actor: string | undefined
  /** A saved document that came and was not opened, until it is durable. */
  #held: Uint8Array | undefined
  /** What was claimed of it turned out to be wrong: it is not taken unopened again. */
  isSuspect = false
  /** It turned out to be something else than what is being written: that is never durable. */
  #isWriteVoid = false
  /** Whether the vetting thread opens it first; `undefined` when nobody has looked yet. */
  isCostly: boolean | undefined
  /** It took too much to open, in this run: what comes for it is refused at once. */
  isOverBudget = false
  /** The vetting thread has it open. */
  isVetting = false

  constructor(id: string, context: DocumentContext, stored: StoredDocument = nothingStored) {
    this.id = id
    this.context = context
    this.stored = stored
    this.size = new DocumentSize(stored.snapshotBytes + stored.laterBytes)
    this.durableHeads = stored.heads
    this.heads = stored.heads
  }

  /** The actor under which this run edits the document. */
  get actor(): string {
    const { author, runId, life } = this.context
    this.#actor ??= deriveActor(author.authorId, this.id, deriveNonce(runId, life))
    return this.#actor
  }

  /** Who edits here: the author's public key as hex. */
  get ownAuthor(): string {
    return this.context.author.authorId
  }

  /** The open document. Call it only while it is open. */
  get open(): AnyDocument {
    if (!this.doc) throw new Error(`document ${this.id} is not open`)
    return this.doc
  }

  /**
   * Opens it from its chunks.
   *
   * @returns false when something was damaged; then it holds what could be saved.
   */
  load(chunks: readonly Uint8Array[], proofs: readonly Uint8Array[]): boolean {
    const readable = proofs.flatMap(readStoredProof)
    let isWhole = readable.length === proofs.length
    this.#proofs.restore(readable, isWhole)
    const logged = this.#log?.since(this.#log.first)?.map(({ bytes }) => bytes) ?? []
    const all = [...chunks, ...logged]
    this.doc = openChunks(all, this.actor)
    if (!this.doc) {
      // What cannot be read here is asked for from the peers.
      isWhole = false
      this.doc = salvage(all, this.actor)
    }
    const heads = headsOf(this.open)
    isWhole &&= sameHeads(heads, this.heads)
    this.#appliedUpTo = this.#logEnd
    if (!isWhole) this.#turnedOutAs(heads, logged.length === 0)
    return isWhole
  }

  /** It has other heads than it was thought to have: what is stored is to be written anew. */
  #turnedOutAs(heads: readonly string[], isStored: boolean): void {
    this.#forgetLog()
    this.heads = heads
    this.isDirty = true
    this.durableHeads = isStored ? heads : []
    this.#isWriteVoid = true
  }

  /** The last changes, unless the document has changed in another way since. */
  get log(): ChangeLog | undefined {
    return this.#log
  }

  /** The number of the next change that is logged. */
  get logEnd(): number {
    return this.#logEnd
  }

  /** Forgets the last changes; what was said of their numbers does not hold for later ones. */
  #forgetLog(): void {
    this.#log = undefined
    this.#logEnd += 1
    this.#appliedUpTo = this.#logEnd
    this.unstored.lose()
    this.lastEdits = undefined
  }

  /** Forgets the last changes of a document of which everything is durable, to free their memory. */
  dropLog(): void {
    // Behind what is stored it would stay for ever.
    if (this.isBehind) this.unload()
    const isStored = this.unstored.isEmpty
    this.#forgetLog()
    if (isStored) this.unstored.take()
    this.#tail = undefined
    if (!this.doc) this.#proofs.release()
  }

  /**
   * Tells whether changes can be taken without looking into the document. Not when
   * somebody has it open, when it is to be written anew, or when it is far behind.
   */
  mayAppend(changes: readonly ChangeHeader[], bytes: number): boolean {
    const { chunkCount, snapshotBytes, laterBytes } = this.stored
    const isFull = chunkCount >= MAX_CHUNKS && this.#tail?.isJoinable !== true
    const isGrown = laterBytes > Math.max(snapshotBytes, MAX_CLOSED_LATER_BYTES)
    return (
      this.pins === 0 &&
      this.waiting.length === 0 &&
      this.heads.length > 0 &&
      chunkCount > 0 &&
      !this.isHeld &&
      !this.stored.isClaimed &&
      !isFull &&
      !isGrown &&
      this.unstored.hasRoom(changes.length, bytes)
    )
  }

  /** Takes changes that follow what is here, and logs them. An open document gets them with {@link catchUp}. */
  append(changes: readonly ChangeHeader[], origin: LinkId | undefined): void {
    this.#log ??= new ChangeLog(this.#logEnd, this.heads)
    const heads = new Set(this.heads)
    for (const change of changes) {
      replaceHeads(heads, change)
      // Received changes are views into larger buffers.
      const bytes = change.bytes.slice()
      this.#log.add({ ...change, bytes, origin, isOnlyHead: heads.size === 1 })
      this.unstored.add(bytes)
    }
    this.heads = [...heads].toSorted()
    this.#logEnd = this.#log.end
    this.isDirty = true
  }

  /**
   * Closes a document that has been behind for long: nobody looks at it. It can be opened again
   * at any time, as all that is not durable, and cannot be read back yet, is logged.
   */
  closeIfForgotten(): void {
    const isForgotten = this.isBehind && this.#logEnd - this.#appliedUpTo > FORGOTTEN_CHANGES
    if (isForgotten && this.#log?.holdsAllSince(this.durableHeads)) this.unload()
  }

  /** Takes the document as it is after changes that are logged. The former one is gone. */
  replaceLogged(
    doc: AnyDocument,
    changes: readonly ChangeHeader[],
    origin: LinkId | undefined,
  ): void {
    this.append(changes, origin)
    this.doc = doc
    this.#appliedUpTo = this.#logEnd
  }

  /** True when what it is in memory can be read back. */
  get isDurable(): boolean {
    return sameHeads(this.durableHeads, this.heads)
  }

  /** True while an open document lacks what was only logged. */
  get isBehind(): boolean {
    return this.doc !== undefined && this.#appliedUpTo < this.#logEnd
  }

  /**
   * Brings what was only logged into the open document.
   *
   * @returns false when that is not what it claimed to be; then it holds what could be applied.
   */
  catchUp(): boolean {
    if (!this.doc || !this.isBehind) return true
    const missing = this.#log?.since(this.#appliedUpTo)?.map(({ bytes }) => bytes) ?? []
    this.#appliedUpTo = this.#logEnd
    this.doc = addSound(this.doc, missing)
    const heads = headsOf(this.doc)
    if (sameHeads(heads, this.heads)) return true
    this.#turnedOutAs(heads, false)
    return false
  }

  /** True when nothing of it is here, in memory or in the store: then it may be taken unopened. */
  get isBlank(): boolean {
    const isUsed = this.doc !== undefined || this.pins > 0 || this.isDirty
    return !isUsed && !this.readSince && this.heads.length === 0 && this.stored.chunkCount === 0
  }

  /** True while a document that came unopened waits for its write. */
  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** Keeps a saved document as it came. What it and its proofs say counts as claimed until it is opened. */
  keep(saved: Uint8Array, heads: readonly string[], proofs: readonly ActorProof[]): void {
    this.#held = saved
    this.#forgetLog()
    this.heads = heads
    this.isDirty = true
    this.size.measured(saved.length)
    this.addProofs(proofs)
  }

  /** The bytes that came unopened, until they are durable. */
  get held(): Uint8Array {
    return this.#held ?? new Uint8Array()
  }

  /** Opens what is kept. @returns false when it cannot be opened or has other heads than claimed. */
  loadHeld(): boolean {
    const saved = this.held
    this.#held = undefined
    try {
      this.doc = Automerge.load(saved, { actor: this.actor })
      if (sameHeads(headsOf(this.open), this.heads)) return true
      Automerge.free(this.open)
    } catch {
      // What cannot be opened is no document.
    }
    this.doc = Automerge.init({ actor: this.actor })
    return false
  }

  /** Gives up everything that it holds: it was not what was claimed. */
  discard(): void {
    if (this.doc) Automerge.free(this.doc)
    this.doc = Automerge.init({ actor: this.actor })
    this.#held = undefined
    this.#proofs.clear()
    this.#turnedOutAs([], false)
    this.isSuspect = true
  }

  /** What was claimed of it has been found to be true. */
  confirm(): void {
    this.stored = { ...this.stored, isClaimed: false }
  }

  /** Its write has settled. */
  settled(heads: readonly string[]): void {
    if (!this.#isWriteVoid) this.durableHeads = heads
    if (!this.#held || this.isDirty) return
    this.#held = undefined
    this.#proofs.release()
  }

  /** Takes the document as it is after changes. The former one is gone. */
  replace(doc: AnyDocument): void {
    this.#forgetLog()
    this.doc = doc
    this.heads = headsOf(doc)
    if (!sameHeads(this.heads, this.stored.heads)) this.isDirty = true
  }

  /**
   * Takes the document as it is after a change of our own, which is now the newest of our actor.
   *
   * @param change - Without it, what the change is has to be found out when it is needed.
   */
  replaceOwn(doc: AnyDocument, change: ChangeHeader | undefined): void {
    if (change) this.replaceLogged(doc, [change], undefined)
    else this.replace(doc)
    const [hash = ''] = this.heads
    this.noteOwn(this.actor, { hash, nonce: deriveNonce(this.context.runId, this.context.life) })
  }

  /** The newest change of an actor of our own is here; it is signed when somebody needs that. */
  noteOwn(actor: string, change: UnsignedChange): void {
    this.#proofs.noteOwn(actor, change)
  }

  /**
   * Gives up a change of our own that was made and not taken over: of it nothing was
   * stored or sent, so that its number can be used again.
   *
   * @param doc - The document with the change. It is gone afterwards.
   */
  undoOwn(doc: AnyDocument): void {
    const { actor, heads } = this
    // A view of no heads at all would be one of everything.
    this.doc =
      heads.length === 0
        ? Automerge.init({ actor })
        : Automerge.clone(Automerge.view(doc, [...heads]), { actor })
    Automerge.free(doc)
  }

  /** Goes back to what it was before changes that turned out to be unsound, which Automerge has left in pieces. */
  restore(saved: Uint8Array): void {
    const { open } = this
    this.doc = Automerge.load(saved, { actor: this.actor })
    discard(open)
  }

  /** True when the disk holds what memory holds, and nobody works on it: it may go. */
  get isAtRest(): boolean {
    const isBusy = this.isDirty || this.waiting.length + this.readers.length > 0
    return this.pins === 0 && !this.readSince && !isBusy && !this.isHeld
  }

  /** The operations that take everything of the open document from the disk. */
  removeOperations(): StoreOperation[] {
    const { id, stored } = this
    const keys = [
      documentKey(id),
      ...this.#proofs.actors.map((actor) => proofKey(id, actor)),
      ...this.ackByPeer.keys().map((peer) => ackKey(id, peer)),
    ]
    return [
      ...deleteChunks(id, stored.firstChunk, stored.chunkCount),
      ...keys.map((key): StoreOperation => ({ type: 'delete', key })),
    ]
  }

  /** Frees the memory of the open document. What it holds is stored. */
  unload(): void {
    if (this.doc) Automerge.free(this.doc)
    this.doc = undefined
    // Whoever lacks logged changes needs their proofs.
    if (!this.#log) this.#proofs.release()
  }

  /** Tells whether all of `heads` are in the history of the open document. */
  has(heads: readonly string[]): boolean {
    // Most often asked for what is newest, which needs no look into the document.
    const unclear = heads.filter((head) => !this.hasRecently(head))
    return unclear.length === 0 || Automerge.hasHeads(this.open, unclear)
  }

  /** Tells whether a change is known to be here without a look into the document. */
  hasRecently(hash: string): boolean {
    return (this.#log?.has(hash) ?? false) || this.heads.includes(hash)
  }

  /** Tells whether an actor is known never to have changed the document. */
  isNewActor(actor: string): boolean {
    const isClear = this.doc !== undefined || this.#proofs.isComplete
    return isClear && this.#proofs.newestOf(actor) === undefined
  }

  /** Keeps proofs that came with changes. */
  addProofs(proofs: readonly ActorProof[]): void {
    this.#proofs.add(proofs)
  }

  /** Whose an actor is whose changes are here, if that can be told for all of them at once. */
  authorOf(actor: string): ActorOrigin | undefined {
    return this.#proofs.authorOf(actor)
  }

  /** All proofs of the open document. */
  get proofs(): readonly ActorProof[] {
    return this.#proofs.all
  }

  /** The number of the last change of an actor here; 0 when there is none that is proven. */
  newestSeq(actor: string): number {
    const hash = this.#proofs.newestOf(actor)
    const change =
      hash === undefined ? null : Automerge.getBackend(this.open).getChangeMetaByHash(hash)
    return change?.actor === actor ? change.seq : 0
  }

  /** How many proofs wait for the next write. */
  get unwrittenProofs(): number {
    return this.#proofs.unwrittenCount
  }

  /** The proof of each actor's newest change, for those named. */
  proofsOf(actors: Iterable<string>): ActorProof[] {
    this.#proveOwn()
    return [...new Set(actors)].flatMap((actor) => this.#proofs.get(actor) ?? [])
  }

  /** Signs our newest changes only when somebody needs it: typing makes many. */
  #proveOwn(): void {
    const { database, author } = this.context
    this.#proofs.signOwn((actor, { hash, nonce }) => {
      return signProof({ database, documentId: this.id, actor, hash }, author, nonce)
    })
  }

  /** The operations that make the document durable, under its new arrival number. */
  takeOperations(arrival: number): StoreOperation[] {
    this.#proveOwn()
    this.isDirty = false
    this.#isWriteVoid = false
    const chunks = this.#chunkOperations(arrival)
    const proofs = this.#proofs.takeUnwritten()
    // Of a document that nobody has opened it is not known yet whether its proofs are true.
    if (!this.stored.isClaimed) this.context.onProofs?.(this.id, proofs)
    return [
      ...chunks,
      ...proofs.map((proof) => putProof(this.id, proof)),
      putDocument(this.id, this.stored),
    ]
  }

  /** Adds a chunk with what is new; joins all chunks when they cost more to read than they hold. */
  #chunkOperations(arrival: number): StoreOperation[] {
    if (this.#held && !this.doc) return this.#heldOperations(this.#held, arrival)
    const unstored = this.unstored.take()
    if (unstored && this.#isAppendable(unstored)) return this.#appendOperations(unstored, arrival)
    this.#tail = undefined
    const { id, stored, open, heads } = this
    const isUnrelated = stored.chunkCount === 0 || !this.has(stored.heads)
    // Thousands of single changes would be gathered only to be found larger than the whole.
    const isNew = isUnrelated || isMostOf(this, stored.heads)
    const chunk = isNew ? Automerge.save(open) : Automerge.saveSince(open, [...stored.heads])
    const laterBytes = stored.laterBytes + chunk.length
    const isMuch = laterBytes > Math.max(stored.snapshotBytes, SMALL_CHUNKS_BYTES)
    if (!isNew && stored.chunkCount < MAX_CHUNKS && !isMuch) {
      if (chunk.length === 0) return this.#appendOperations([], arrival)
      const puts = putChunks(id, stored.firstChunk + stored.chunkCount, chunk)
      const chunkCount = stored.chunkCount + puts.length
      this.stored = { ...stored, arrival, heads, chunkCount, laterBytes }
      return puts
    }
    const snapshot = isNew ? chunk : Automerge.save(open)
    this.size.measured(snapshot.length)
    const { puts, placed } = placeSnapshot(id, stored, snapshot)
    this.stored = { ...placed, arrival, heads }
    return [...puts, ...deleteChunks(id, stored.firstChunk, stored.chunkCount)]
  }

  /** Tells whether what is new is written behind what is stored, without asking Automerge for it. */
  #isAppendable(unstored: readonly Uint8Array[]): boolean {
    const { chunkCount, snapshotBytes, laterBytes } = this.stored
    // A document that is not open, or behind, has nothing else to be written.
    if (chunkCount === 0 || !this.doc || this.isBehind) return chunkCount > 0
    const bytes = unstored.reduce((sum, { length }) => sum + length, laterBytes)
    if (chunkCount >= MAX_CHUNKS && this.#tail?.isJoinable !== true) return false
    return bytes <= Math.max(snapshotBytes, MAX_LATER_BYTES)
  }

  #appendOperations(unstored: readonly Uint8Array[], arrival: number): StoreOperation[] {
    const { id, stored, heads } = this
    if (unstored.length === 0) {
      this.stored = { ...stored, arrival }
      return []
    }
    const chunk = concatBytes(...unstored)
    this.#tail ??= new ChunkTail()
    const { operations, chunkCount } = this.#tail.add(id, stored, chunk)
    const laterBytes = stored.laterBytes + chunk.length
    this.stored = { ...stored, arrival, heads, chunkCount, laterBytes }
    return operations
  }

  #heldOperations(saved: Uint8Array, arrival: number): StoreOperation[] {
    const { puts, placed } = placeSnapshot(this.id, this.stored, saved)
    this.stored = { ...placed, arrival, heads: this.heads, isClaimed: true }
    return puts
  }
}
