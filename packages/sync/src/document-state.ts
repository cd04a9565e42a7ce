import * as Automerge from '@automerge/automerge'
import { sha256, type AuthorKey } from '@vudo/identity'
import type { StoreOperation } from '@vudo/storage'
import type { PeerId } from '@vudo/transport'
import { bytesToHex, concatBytes, createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import {
  deriveActor,
  deriveNonce,
  readProof,
  signProof,
  writeProof,
  type ActorProof,
} from './authorship.ts'
import { deleteChunks, putChunks, salvage } from './document-chunks.ts'
import { DocumentSize } from './document-size.ts'
import { MAX_ACKNOWLEDGED_HEADS, MAX_CHUNKS, SMALL_CHUNKS_BYTES } from './limits.ts'
import type { ReadDocument } from './open-documents.ts'
import { documentKey, encodeStoredDocument, proofKey, type StoredDocument } from './stored-keys.ts'

/** Any document: its shape is the application's business. */
export type AnyDocument = Automerge.Doc<Record<string, unknown>>

/** What all documents of a replica share. */
export interface DocumentContext {
  readonly database: string
  readonly author: AuthorKey
  /** 16 bytes, new at each start of the program. */
  readonly runId: Uint8Array
}

/** Changes that lead from one state of a document to another. */
export interface EncodedBatch {
  readonly base: readonly string[]
  readonly heads: readonly string[]
  readonly bytes: Uint8Array
  /** It is a bundle, which not every peer understands. */
  readonly isBundle: boolean
}

const nothingStored: StoredDocument = {
  arrival: 0,
  heads: [],
  firstChunk: 0,
  chunkCount: 0,
  snapshotBytes: 0,
  laterBytes: 0,
}

const noProofs = new Map<string, ActorProof>()
const noActors = new Set<string>()

/** One document of a replica: always known by its heads, open only while somebody works on it. */
export class DocumentState {
  readonly id: string
  readonly #context: DocumentContext
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
  isReading = false
  isDirty = false
  /** What was sent or came last as a live edit, encoded, for all peers in the same state. */
  lastBatch: EncodedBatch | undefined
  /** Work that waits for the document to be read. */
  readonly waiting: (() => void)[] = []
  /** Who waits for what the store holds of it, without opening it. */
  readonly readers: ((read: ReadDocument) => void)[] = []
  /** What each peer has stored. */
  readonly ackByPeer: Map<PeerId, Ack> = new Map()
  /** Empty while it is closed, as most documents are: all of these share one. */
  #proofs: Map<string, ActorProof> = noProofs
  #newProofs: Set<string> = noActors
  #ownNewest: string | undefined
  #actor: string | undefined
  /** A saved document that came and was not opened, until it is durable. */
  #held: Uint8Array | undefined
  /** What was claimed of it turned out to be wrong: it is not taken unopened again. */
  isSuspect = false
  /** Whether the vetting thread opens it first; `undefined` when nobody has looked yet. */
  isCostly: boolean | undefined
  /** It took too much to open, in this run: what comes for it is refused at once. */
  isOverBudget = false
  /** The vetting thread has it open. */
  isVetting = false

  constructor(id: string, context: DocumentContext, stored: StoredDocument = nothingStored) {
    this.id = id
    this.#context = context
    this.stored = stored
    this.size = new DocumentSize(stored.snapshotBytes + stored.laterBytes)
    this.durableHeads = stored.heads
    this.heads = stored.heads
  }

  /** The actor under which this run edits the document. */
  get actor(): string {
    const { author, runId } = this.#context
    this.#actor ??= deriveActor(author.authorId, this.id, deriveNonce(runId, this.id))
    return this.#actor
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
    const readable = proofs.flatMap(readProofSafely)
    this.#proofs = new Map(readable.map((proof) => [proof.actor, proof]))
    let isWhole = readable.length === proofs.length
    const bytes = concatBytes(...chunks)
    try {
      this.doc =
        bytes.length === 0
          ? Automerge.init({ actor: this.actor })
          : Automerge.load(bytes, { actor: this.actor })
    } catch {
      // What cannot be read here is asked for from the peers.
      isWhole = false
      this.doc = salvage(chunks, this.actor)
    }
    const heads = headsOf(this.open)
    isWhole &&= sameHeads(heads, this.stored.heads)
    this.heads = heads
    if (!isWhole) {
      this.isDirty = true
      this.durableHeads = heads
    }
    return isWhole
  }

  /** True when nothing of it is here, in memory or in the store: then it may be taken unopened. */
  get isBlank(): boolean {
    const isUsed = this.doc !== undefined || this.pins > 0 || this.isReading || this.isDirty
    return !isUsed && this.heads.length === 0 && this.stored.chunkCount === 0
  }

  /** True while a document that came unopened waits for its write. */
  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** Keeps a saved document as it came. What it and its proofs say counts as claimed until it is opened. */
  keep(saved: Uint8Array, heads: readonly string[], proofs: readonly ActorProof[]): void {
    this.#held = saved
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
    this.#proofs = noProofs
    this.#newProofs = noActors
    this.heads = []
    this.durableHeads = []
    this.isDirty = true
    this.isSuspect = true
  }

  /** What was claimed of it has been found to be true. */
  confirm(): void {
    this.stored = { ...this.stored, isClaimed: false }
  }

  /** Its write has settled. */
  settled(heads: readonly string[]): void {
    this.durableHeads = heads
    if (!this.#held || this.isDirty) return
    this.#held = undefined
    this.#proofs = noProofs
  }

  /** Takes the document as it is after changes. The former one is gone. */
  replace(doc: AnyDocument): void {
    this.doc = doc
    this.heads = headsOf(doc)
    if (!sameHeads(this.heads, this.stored.heads)) this.isDirty = true
  }

  /** As {@link replace}, after a change of our own, which is now the newest of our actor. */
  replaceOwn(doc: AnyDocument): void {
    this.replace(doc)
    this.#ownNewest = this.heads[0]
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

  /** Frees the memory of the open document. What it holds is stored. */
  unload(): void {
    if (this.doc) Automerge.free(this.doc)
    this.doc = undefined
    this.lastBatch = undefined
    this.#proofs = noProofs
  }

  /** Tells whether all of `heads` are in the history of the open document. */
  has(heads: readonly string[]): boolean {
    // Most often asked for what is newest, which needs no look into the document.
    if (heads.every((head) => this.heads.includes(head))) return true
    return Automerge.hasHeads(this.open, [...heads])
  }

  /** Keeps proofs that came with changes. */
  addProofs(proofs: readonly ActorProof[]): void {
    if (proofs.length === 0) return
    // The shared empty ones stay empty.
    if (this.#proofs === noProofs) this.#proofs = new Map()
    if (this.#newProofs === noActors) this.#newProofs = new Set()
    for (const proof of proofs) {
      this.#proofs.set(proof.actor, proof)
      this.#newProofs.add(proof.actor)
    }
  }

  /** All proofs of the open document. */
  get proofs(): readonly ActorProof[] {
    return [...this.#proofs.values()]
  }

  /** The number of the last change of an actor here; 0 when there is none that is proven. */
  newestSeq(actor: string): number {
    const isOwn = actor === this.#actor && this.#ownNewest !== undefined
    const hash = isOwn ? this.#ownNewest : this.#proofs.get(actor)?.hash
    const change =
      hash === undefined ? null : Automerge.getBackend(this.open).getChangeMetaByHash(hash)
    return change?.actor === actor ? change.seq : 0
  }

  /** How many proofs wait for the next write. */
  get unwrittenProofs(): number {
    return this.#newProofs.size
  }

  /** The proof of each actor's newest change, for those named. */
  proofsOf(actors: Iterable<string>): ActorProof[] {
    this.#proveOwn()
    return [...new Set(actors)].flatMap((actor) => this.#proofs.get(actor) ?? [])
  }

  /** Signs our newest change only when somebody needs it: typing makes many. */
  #proveOwn(): void {
    const { database, author, runId } = this.#context
    const hash = this.#ownNewest
    if (hash === undefined) return
    const { actor } = this
    if (this.#proofs.get(actor)?.hash === hash) return
    const change = { database, documentId: this.id, actor, hash }
    this.addProofs([signProof(change, author, deriveNonce(runId, this.id))])
  }

  /** The operations that make the document durable, under its new arrival number. */
  takeOperations(arrival: number): StoreOperation[] {
    this.#proveOwn()
    this.isDirty = false
    const operations = [...this.#chunkOperations(arrival), ...this.#proofOperations()]
    operations.push({
      type: 'put',
      key: documentKey(this.id),
      value: encodeStoredDocument(this.stored),
    })
    return operations
  }

  /** Adds a chunk with what is new; joins all chunks when they cost more to read than they hold. */
  #chunkOperations(arrival: number): StoreOperation[] {
    if (this.#held && !this.doc) return this.#heldOperations(this.#held, arrival)
    const { id, stored, open } = this
    const next = stored.firstChunk + stored.chunkCount
    const isNew = stored.chunkCount === 0 || !this.has(stored.heads)
    const chunk = isNew ? Automerge.save(open) : Automerge.saveSince(open, [...stored.heads])
    const laterBytes = stored.laterBytes + chunk.length
    const isMuch = laterBytes > Math.max(stored.snapshotBytes, SMALL_CHUNKS_BYTES)
    const { heads } = this
    if (!isNew && stored.chunkCount < MAX_CHUNKS && !isMuch) {
      if (chunk.length === 0) return this.#sameChunks(stored, arrival)
      const puts = putChunks(id, next, chunk)
      const chunkCount = stored.chunkCount + puts.length
      this.stored = { ...stored, arrival, heads, chunkCount, laterBytes }
      return puts
    }
    const snapshot = isNew ? chunk : Automerge.save(open)
    const snapshotBytes = snapshot.length
    this.size.measured(snapshotBytes)
    const puts = putChunks(id, next, snapshot)
    const chunkCount = puts.length
    this.stored = { arrival, heads, firstChunk: next, chunkCount, snapshotBytes, laterBytes: 0 }
    return [...puts, ...deleteChunks(id, stored.firstChunk, stored.chunkCount)]
  }

  #heldOperations(saved: Uint8Array, arrival: number): StoreOperation[] {
    const { id, heads, stored } = this
    const firstChunk = stored.firstChunk + stored.chunkCount
    const puts = putChunks(id, firstChunk, saved)
    const [chunkCount, snapshotBytes] = [puts.length, saved.length]
    this.stored = {
      arrival,
      heads,
      firstChunk,
      chunkCount,
      snapshotBytes,
      laterBytes: 0,
      isClaimed: true,
    }
    return puts
  }

  #sameChunks(stored: StoredDocument, arrival: number): StoreOperation[] {
    this.stored = { ...stored, arrival }
    return []
  }

  #proofOperations(): StoreOperation[] {
    const operations = [...this.#newProofs].flatMap((actor): StoreOperation[] => {
      const proof = this.#proofs.get(actor)
      if (!proof) return []
      const writer = createByteWriter()
      writeProof(writer, proof)
      return [{ type: 'put', key: proofKey(this.id, actor), value: writer.finish() }]
    })
    this.#newProofs = noActors
    return operations
  }
}

function readProofSafely(bytes: Uint8Array): ActorProof[] {
  try {
    return [readProof(createByteReader(bytes))]
  } catch {
    // A damaged proof proves nothing; the document counts as damaged.
    return []
  }
}

/** The heads of a document, sorted, so that equal ones compare equal. */
export function headsOf(doc: AnyDocument): readonly string[] {
  return Automerge.getHeads(doc).toSorted()
}

/** Compares two sorted lists. */
export function sameHeads(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((head, index) => head === b[index])
}

/** What a peer has stored of a document: its heads, or the digest of heads that were too many to keep. */
export type Ack = readonly string[] | string

/** What is kept of an acknowledgement: the heads themselves tell what a peer lacks. */
export function toAck(state: DocumentState, heads: readonly string[]): Ack {
  const sorted = heads.toSorted()
  // Most peers have what is stored here: one list for all of them.
  if (sameHeads(sorted, state.durableHeads)) return state.durableHeads
  return sorted.length > MAX_ACKNOWLEDGED_HEADS ? digestOf(sorted) : sorted
}

/** Tells whether an acknowledgement is one of these heads, which are sorted. */
export function isAckOf(ack: Ack | undefined, heads: readonly string[]): boolean {
  if (ack === undefined || ack === heads) return ack !== undefined
  return typeof ack === 'string' ? ack === digestOf(heads) : sameHeads(ack, heads)
}

/** Heads are compared with every acknowledgement, and never changed in place. */
const digests = new WeakMap<readonly string[], string>()

/** 16 bytes, as hex, that stand for a set of heads. */
export function digestOf(heads: readonly string[]): string {
  const known = digests.get(heads)
  if (known !== undefined) return known
  const digest = bytesToHex(sha256(hexToBytes(heads.toSorted().join(''))).subarray(0, 16))
  digests.set(heads, digest)
  return digest
}
