import * as Automerge from '@automerge/automerge'
import { deriveActor, isProven, type ActorProof } from './authorship.ts'
import { readChanges, vetDocument, type ChangeHeader } from './automerge-chunks.ts'
import { createBatchBudget, type BatchBudget } from './batch-budget.ts'
import { inflateBounded } from './deflate.ts'
import { sameHeads, type AnyDocument, type DocumentState } from './document-state.ts'
import { isSyncError, SyncError } from './errors.ts'
import { isInitialChange } from './initial-changes.ts'
import { MAX_DOCUMENT_BYTES, MAX_HEADS, MAX_UNWRITTEN_PROOFS, MAX_VALUE_DEPTH } from './limits.ts'
import type { ChangeBatch } from './wire.ts'

/**
 * What became of a batch: `gap` means that it builds on changes which are not here,
 * `too-large` that the document would pass `MAX_DOCUMENT_BYTES` with it. Both may be
 * nobody's fault: two devices, each within the limit, can be beyond it together.
 */
export type BatchOutcome = 'applied' | 'nothing-new' | 'gap' | 'too-large'

/** Who may write. */
export interface BatchRules {
  readonly database: string
  readonly mayWrite: (author: string) => boolean
}

interface ChangeFacts {
  readonly hash: string
  readonly actor: string
  readonly seq: number
  readonly deps: readonly string[]
}

/**
 * Brings a peer's changes into an open document, all of them or none: vetted before
 * Automerge sees them, each proven by its author, each author allowed to write.
 *
 * @throws `SyncError`: `ERR_SYNC_PROTOCOL`, `ERR_AUTHORSHIP_INVALID` and
 *   `ERR_VALUE_UNSUPPORTED` for what nobody sends by mistake, `ERR_DOCUMENT_TOO_LARGE`
 *   for a batch that is beyond the limits by itself; `ERR_NOT_ALLOWED`, `ERR_SYNC_LIMIT`.
 */
export function applyBatch(
  state: DocumentState,
  batch: ChangeBatch,
  rules: BatchRules,
): BatchOutcome {
  const budget = createBatchBudget(batch.payload.length)
  const payload = batch.isDeflated ? inflateBounded(batch.payload, budget) : batch.payload
  if (payload.length > MAX_DOCUMENT_BYTES) {
    throw new SyncError('ERR_DOCUMENT_TOO_LARGE', `a batch has ${payload.length} bytes`)
  }
  const proofs = new Map(batch.proofs.map((proof) => [proof.actor, proof]))
  const incoming: Incoming = { state, proofs, rules, budget }
  return batch.isSaved ? applySaved(incoming, payload) : applyChanges(incoming, payload)
}

/**
 * Takes a saved document unopened: vetted, and as far as that can be told from outside with the
 * heads that were announced and a proof for each actor. What is inside is claimed until somebody
 * opens it; then {@link isDocumentProven} looks.
 *
 * @throws as {@link applyBatch}.
 */
export function keepBatch(state: DocumentState, batch: ChangeBatch, rules: BatchRules): void {
  const { payload, proofs } = batch
  const { actors, heads } = vetDocument(payload)
  if (!sameHeads(heads, batch.heads.toSorted())) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'a saved document has other heads than announced')
  }
  const authorByActor = new Map(proofs.map(({ actor, author }) => [actor, author]))
  if (proofs.length !== actors.length || !actors.every((actor) => authorByActor.has(actor))) {
    throw unproven('a saved document comes with other proofs than its actors need')
  }
  for (const { actor, author, nonce } of proofs) {
    if (!nonce || deriveActor(author, state.id, nonce) === actor) continue
    throw unproven(`actor ${actor} is not one of author ${author}`)
  }
  for (const author of new Set(authorByActor.values())) {
    if (rules.mayWrite(author)) continue
    throw new SyncError('ERR_NOT_ALLOWED', `author ${author} may not write here`)
  }
  state.keep(payload.slice(), heads, proofs)
}

/** Tells whether an open document that was kept unopened is what its authors have signed. */
export function isDocumentProven(state: DocumentState, database: string): boolean {
  const { open } = state
  const proofs = new Map(state.proofs.map((proof) => [proof.actor, proof]))
  const budget = createBatchBudget(0)
  const incoming = { state, proofs, budget, rules: { database, mayWrite: () => true } }
  const backend = Automerge.getBackend(open)
  try {
    checkContent(open)
    checkAuthors(
      incoming,
      Automerge.getChangesMetaSince(open, []),
      (hash) => backend.getChangeByHash(hash) ?? undefined,
    )
    return true
  } catch (error) {
    if (!isSyncError(error)) throw error
    return false
  }
}

interface Incoming {
  readonly state: DocumentState
  readonly proofs: ReadonlyMap<string, ActorProof>
  readonly rules: BatchRules
  readonly budget: BatchBudget
}

function applyChanges(incoming: Incoming, payload: Uint8Array): BatchOutcome {
  const { state } = incoming
  const headers = new Map(
    readChanges(payload, incoming.budget).map((header) => [header.hash, header]),
  )
  const fresh = [...headers.values()].filter(({ hash }) => !state.has([hash]))
  if (fresh.length === 0) return 'nothing-new'
  const isThere = (hash: string): boolean => headers.has(hash) || state.has([hash])
  if (!fresh.every(({ deps }) => deps.every(isThere))) return 'gap'
  const bytesOf = (hash: string): Uint8Array | undefined => headers.get(hash)?.bytes
  const proofs = checkAuthors(incoming, fresh, bytesOf)
  const doc = withChanges(state, fresh)
  if (!doc) return 'too-large'
  state.replace(doc)
  state.addProofs(proofs)
  return 'applied'
}

/**
 * Applies to a copy what could make the document too deep or too large, so that it can be
 * thrown away. `undefined` when it is too large.
 */
function withChanges(
  state: DocumentState,
  fresh: readonly ChangeHeader[],
): AnyDocument | undefined {
  const chunks = fresh.map(({ bytes }) => bytes)
  const addedBytes = chunks.reduce((sum, { length }) => sum + length, 0)
  if (!fresh.some(({ hasContainers }) => hasContainers) && !state.size.mayExceed(addedBytes)) {
    const doc = apply(state.open, chunks)
    state.size.admits(doc, addedBytes)
    return doc
  }
  const copy = Automerge.clone(state.open, { actor: state.actor })
  try {
    const doc = apply(copy, chunks)
    checkContent(doc)
    if (!state.size.admits(doc, addedBytes)) {
      Automerge.free(copy)
      return undefined
    }
    Automerge.free(state.open)
    return doc
  } catch (error) {
    Automerge.free(copy)
    throw error
  }
}

function apply(doc: AnyDocument, chunks: readonly Uint8Array[]): AnyDocument {
  try {
    return Automerge.applyChanges(doc, [...chunks])[0]
  } catch (cause) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'changes cannot be applied', { cause })
  }
}

function applySaved(incoming: Incoming, payload: Uint8Array): BatchOutcome {
  const { state } = incoming
  vetDocument(payload, incoming.budget)
  const saved = loadSaved(state, payload)
  let isKept = false
  try {
    checkContent(saved)
    const fresh = Automerge.getChangesMetaSince(saved, []).filter(({ hash }) => !state.has([hash]))
    if (fresh.length === 0) return 'nothing-new'
    const backend = Automerge.getBackend(saved)
    const proofs = checkAuthors(
      incoming,
      fresh,
      (hash) => backend.getChangeByHash(hash) ?? undefined,
    )
    const isFirst = state.heads.length === 0
    const old = state.open
    const doc = isFirst ? saved : mergeInto(state, saved)
    if (!state.size.admits(doc, payload.length)) {
      if (!isFirst) Automerge.free(doc)
      return 'too-large'
    }
    isKept = isFirst
    state.replace(doc)
    Automerge.free(old)
    state.addProofs(proofs)
    return 'applied'
  } finally {
    if (!isKept) Automerge.free(saved)
  }
}

function loadSaved(state: DocumentState, payload: Uint8Array): AnyDocument {
  try {
    return Automerge.load(payload, { actor: state.actor })
  } catch (cause) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'a saved document cannot be opened', { cause })
  }
}

function mergeInto(state: DocumentState, saved: AnyDocument): AnyDocument {
  const copy = Automerge.clone(state.open, { actor: state.actor })
  try {
    const doc = Automerge.merge(copy, saved)
    checkContent(doc)
    return doc
  } catch (cause) {
    Automerge.free(copy)
    if (cause instanceof SyncError) throw cause
    throw new SyncError('ERR_SYNC_PROTOCOL', 'a saved document cannot be merged', { cause })
  }
}

/** Refuses what would be poison to `JSON.stringify` and to prototypes; without recursion, or it would fall to the same poison. */
function checkContent(doc: AnyDocument): void {
  if (Automerge.getHeads(doc).length > MAX_HEADS) {
    throw new SyncError('ERR_DOCUMENT_TOO_LARGE', `a document has more than ${MAX_HEADS} heads`)
  }
  const open: { value: unknown; depth: number }[] = [{ value: doc, depth: 0 }]
  for (let place = open.pop(); place; place = open.pop()) {
    const { value, depth } = place
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue
    if (depth > MAX_VALUE_DEPTH) {
      throw new SyncError('ERR_VALUE_UNSUPPORTED', `a document is deeper than ${MAX_VALUE_DEPTH}`)
    }
    for (const inner of Object.values(value)) open.push({ value: inner, depth: depth + 1 })
  }
}

/**
 * Finds the proof of each actor with new changes, and checks it.
 *
 * A signature stands for the actor's newest change and, because a change names its
 * predecessor by hash, for all earlier ones of that actor. A change of another
 * author in between is not covered: it needs a proof of its own.
 */
function checkAuthors(
  { state, proofs, rules }: Incoming,
  fresh: readonly ChangeFacts[],
  bytesOf: (hash: string) => Uint8Array | undefined,
): ActorProof[] {
  const checked: ActorProof[] = []
  for (const [actor, changes] of Map.groupBy(fresh, (change) => change.actor)) {
    const newest = checkChain(changes.toSorted((a, b) => a.seq - b.seq))
    const proof = proofs.get(actor)
    if (proof?.hash !== newest.hash || !isProven(proof, rules.database, state.id)) {
      throw unproven(`the newest change of actor ${actor} is not signed`)
    }
    if (proof.isAdmitted) checkAdmitted(state, actor)
    else if (!proof.nonce) checkInitial(state.id, newest, bytesOf(newest.hash))
    if (!rules.mayWrite(proof.author)) {
      throw new SyncError('ERR_NOT_ALLOWED', `author ${proof.author} may not write here`)
    }
    checked.push(proof)
  }
  const waiting = state.unwrittenProofs + checked.length
  if (waiting > MAX_UNWRITTEN_PROOFS) {
    throw new SyncError('ERR_SYNC_LIMIT', `${waiting} proofs of one document wait to be written`)
  }
  return checked
}

/** The last of an actor's changes; each must name the one before it. */
function checkChain(changes: readonly ChangeFacts[]): ChangeFacts {
  let last: ChangeFacts | undefined
  for (const change of changes) {
    if (last && (change.seq !== last.seq + 1 || !change.deps.includes(last.hash))) {
      throw unproven(`change ${change.seq} of actor ${change.actor} does not follow the one before`)
    }
    last = change
  }
  if (!last) throw new Error('an actor without changes')
  return last
}

/** Nobody answers for changes under an actor whose author is known to be another. */
function checkAdmitted(state: DocumentState, actor: string): void {
  const [known] = state.proofsOf([actor])
  if (!known || known.isAdmitted) return
  // As a policy's refusal: whoever admitted them did not know the author's own signature.
  throw new SyncError('ERR_NOT_ALLOWED', `actor ${actor} is of an author who signs her own work`)
}

function checkInitial(id: string, change: ChangeFacts, bytes: Uint8Array | undefined): void {
  const isRoot = change.seq === 1 && change.deps.length === 0
  if (isRoot && bytes && isInitialSafely(id, bytes, change)) return
  throw unproven(`actor ${change.actor} claims an initial value that it does not write`)
}

function isInitialSafely(id: string, bytes: Uint8Array, change: ChangeFacts): boolean {
  try {
    return isInitialChange(id, bytes, change)
  } catch {
    // Whatever goes wrong with a value that a peer made up, it is not an initial value of ours.
    return false
  }
}

function unproven(message: string): SyncError {
  return new SyncError('ERR_AUTHORSHIP_INVALID', message)
}
