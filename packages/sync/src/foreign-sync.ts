import * as Automerge from '@automerge/automerge'
import { sha256 } from '@vudo/identity'
import { bytesToHex, concatBytes } from '@vudo/wire'
import { applyBatch } from './apply-batch.ts'
import { ACTOR_BYTES, signAdmission, type ActorProof } from './authorship.ts'
import { readChanges, vetDocument, type ChangeHeader } from './automerge-chunks.ts'
import { createBatchBudget, type BatchBudget } from './batch-budget.ts'
import { damaged } from './chunk-cursor.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import type { Engine } from './engine.ts'
import { SyncError } from './errors.ts'
import { readForeignMessage, withNeeds } from './foreign-message.ts'
import { MAX_WAITING_CHANGE_BYTES, MAX_WAITING_CHANGES } from './limits.ts'
import { assertWritable } from './local-edits.ts'
import type { Replica } from './replica.ts'

/**
 * Automerge's own sync protocol for one document and one peer that knows no more than
 * that: automerge-repo, or any other program that syncs Automerge documents.
 *
 * Such a peer signs nothing. What it brings is vetted as everything else and then
 * *admitted*: this device's author answers for it with a signature of its own, and
 * peers take it as they would take the author's own changes. Nothing is remembered
 * beyond the connection.
 */
export interface ForeignSync {
  /**
   * Takes a message. What it asks for is answered by {@link generate}, also when its
   * changes were refused.
   *
   * @param message - Not kept and not changed.
   * @throws `SyncError` `ERR_SYNC_PROTOCOL`, `ERR_DOCUMENT_TOO_LARGE`, `ERR_VALUE_UNSUPPORTED`,
   *   `ERR_AUTHORSHIP_INVALID` or `ERR_SYNC_LIMIT` for what came: end the connection.
   *   `ERR_NOT_ALLOWED`, `ERR_DOCUMENT_DELETED`: its changes were not taken, go on.
   *   `ERR_HANDLE_CLOSED`, `ERR_SYNC_STORE`, `ERR_DATABASE_CLOSED`.
   */
  receive(message: Uint8Array): void
  /** What to send now, in a new buffer; `undefined` when the peer has everything, or has to answer first. @throws `SyncError` `ERR_HANDLE_CLOSED`. */
  generate(): Uint8Array | undefined
  /** True once the peer has said that it has some of the document. */
  readonly hasPeerContent: boolean
}

/** How a foreign peer is met. */
export interface ForeignSyncOptions {
  /**
   * Asked before its changes are taken, besides the policy, which is asked about this device's author.
   *
   * @defaultValue it may
   */
  readonly mayWrite?: (() => boolean) | undefined
}

interface ForeignContext extends ForeignSyncOptions {
  /** Throws when the handle was closed. */
  readonly assertOpen: () => void
}

/** Begins the protocol on an open, pinned document. */
export function createForeignSync(
  engine: Engine,
  state: DocumentState,
  context: ForeignContext,
): ForeignSync {
  return new OpenForeignSync(engine, state, context)
}

class OpenForeignSync implements ForeignSync {
  readonly #engine: Engine
  readonly #state: DocumentState
  readonly #context: ForeignContext
  #sync: Automerge.SyncState = Automerge.initSyncState()
  /** Changes whose past has not come yet. */
  #waiting: readonly ChangeHeader[] = []
  #lastSent: string | undefined
  hasPeerContent = false

  constructor(engine: Engine, state: DocumentState, context: ForeignContext) {
    this.#engine = engine
    this.#state = state
    this.#context = context
  }

  receive(message: Uint8Array): void {
    this.#context.assertOpen()
    const { heads, changes, withoutChanges } = readForeignMessage(message)
    this.hasPeerContent ||= heads.length > 0
    let refusal: unknown
    try {
      if (changes.length > 0) this.#engine.call((replica) => this.#admit(replica, changes))
    } catch (error) {
      refusal = error
    }
    this.#takeRest(withoutChanges)
    if (refusal !== undefined) throw refusal
  }

  #admit(replica: Replica, chunks: readonly Uint8Array[]): void {
    const state = this.#state
    assertWritable(replica, state)
    if (this.#context.mayWrite?.() === false) {
      throw new SyncError('ERR_NOT_ALLOWED', 'this peer may not write')
    }
    // One for the whole message: each chunk alone may be within its ratio.
    const budget = createBatchBudget(chunks.reduce((sum, { length }) => sum + length, 0))
    const brought = chunks.flatMap((chunk) => changesIn(chunk, budget))
    const { ready, waiting } = partByPast(state, [...this.#waiting, ...brought])
    checkWaiting(waiting)
    this.#waiting = waiting.map(detached)
    if (ready.length > 0) admitChanges(replica, state, ready)
  }

  #takeRest(message: Uint8Array): void {
    const { open } = this.#state
    try {
      // It has no changes any more, but the document object given to it is used up all the same.
      const [doc, sync] = Automerge.receiveSyncMessage(open, this.#sync, message)
      this.#sync = sync
      this.#state.replace(doc)
    } catch (cause) {
      throw new SyncError('ERR_SYNC_PROTOCOL', 'a sync message cannot be read', { cause })
    }
  }

  generate(): Uint8Array | undefined {
    this.#context.assertOpen()
    const [sync, message] = Automerge.generateSyncMessage(this.#state.open, this.#sync)
    this.#sync = sync
    if (!message) return undefined
    const complete = this.#waiting.length === 0 ? message : withNeeds(message, this.#missing())
    // Said again it would get the same answer: a peer whose changes are not taken, and this
    // end, would ask each other for ever.
    const digest = bytesToHex(sha256(complete))
    if (digest === this.#lastSent) return undefined
    this.#lastSent = digest
    return complete
  }

  #missing(): string[] {
    const here = new Set(this.#waiting.map(({ hash }) => hash))
    return this.#waiting.flatMap(({ deps }) =>
      deps.filter((hash) => !here.has(hash) && !this.#state.has([hash])),
    )
  }
}

/** The changes in a chunk, vetted; of a saved document all of them. */
function changesIn(chunk: Uint8Array, budget: BatchBudget): ChangeHeader[] {
  // Behind magic and checksum stands the type; 0 is a saved document.
  if (chunk[8] !== 0) return readChanges(chunk, budget)
  vetDocument(chunk, budget)
  let saved: AnyDocument
  try {
    saved = Automerge.load(chunk)
  } catch (cause) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'a saved document cannot be opened', { cause })
  }
  try {
    return Automerge.getAllChanges(saved).flatMap((change) => readChanges(change))
  } finally {
    Automerge.free(saved)
  }
}

interface Parted {
  /** Each after its past. */
  readonly ready: readonly ChangeHeader[]
  readonly waiting: readonly ChangeHeader[]
}

function partByPast(state: DocumentState, headers: readonly ChangeHeader[]): Parted {
  const fresh = new Map(
    headers.filter(({ hash }) => !state.has([hash])).map((header) => [header.hash, header]),
  )
  const ready = new Map<string, ChangeHeader>()
  const blocked = new Map<string, ChangeHeader[]>()
  const todo = [...fresh.values()].toReversed()
  for (let header = todo.pop(); header; header = todo.pop()) {
    const missing = header.deps.find((hash) => !ready.has(hash) && !state.has([hash]))
    if (missing === undefined && !isSigned(state, header.actor)) {
      ready.set(header.hash, header)
      todo.push(...(blocked.get(header.hash) ?? []))
      blocked.delete(header.hash)
    } else {
      const key = missing ?? header.hash
      const list = blocked.get(key)
      if (list) list.push(header)
      else blocked.set(key, [header])
    }
  }
  return { ready: [...ready.values()], waiting: [...blocked.values()].flat() }
}

/** Its author signs what is hers; it comes with that signature by another way, and nobody else may answer for it. */
function isSigned(state: DocumentState, actor: string): boolean {
  const [proof] = state.proofsOf([actor])
  return proof !== undefined && !proof.isAdmitted
}

/** The same without the message that it came in, which is the caller's. */
function detached(header: ChangeHeader): ChangeHeader {
  const { bytes } = header
  return bytes.length < bytes.buffer.byteLength ? { ...header, bytes: bytes.slice() } : header
}

function checkWaiting(waiting: readonly ChangeHeader[]): void {
  const bytes = waiting.reduce((sum, header) => sum + header.bytes.length, 0)
  if (waiting.length <= MAX_WAITING_CHANGES && bytes <= MAX_WAITING_CHANGE_BYTES) return
  throw new SyncError('ERR_SYNC_LIMIT', `${waiting.length} changes of a peer lack their past`)
}

function admitChanges(
  replica: Replica,
  state: DocumentState,
  changes: readonly ChangeHeader[],
): void {
  const { author, database } = replica.init
  const newest = new Map<string, ChangeHeader>()
  for (const change of changes) {
    if (change.actor.length !== 2 * ACTOR_BYTES) {
      throw damaged(`an actor of ${change.actor.length / 2} bytes, expected ${ACTOR_BYTES}`)
    }
    if ((newest.get(change.actor)?.seq ?? 0) < change.seq) newest.set(change.actor, change)
  }
  const proofs: ActorProof[] = [...newest.values()].map(({ actor, hash }) =>
    signAdmission({ database, documentId: state.id, actor, hash }, author),
  )
  const payload = concatBytes(...changes.map(({ bytes }) => bytes))
  const batch = { isAnswer: false, isSaved: false, isDeflated: false, heads: [], proofs, payload }
  const outcome = applyBatch(state, batch, { database, mayWrite: () => true })
  switch (outcome) {
    case 'applied':
      return replica.changed(state, 'local')
    case 'nothing-new':
      return
    case 'too-large':
      throw new SyncError('ERR_DOCUMENT_TOO_LARGE', 'the document would be too large with that')
    case 'costly':
      // The vetting thread would answer when this call has long returned.
      throw new SyncError('ERR_DOCUMENT_TOO_LARGE', 'that is too much for one message', {
        hint: 'split the document, or let the peer sync it while it grows',
      })
    case 'gap':
      // Only what has its past here is admitted.
      throw new SyncError('ERR_SYNC_PROTOCOL', 'changes of a peer lack their past')
    default:
      return outcome satisfies never
  }
}
