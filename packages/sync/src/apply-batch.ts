import * as Automerge from '@automerge/automerge'
import { actorOf, isProven, type ActorProof, type LeanProof } from './authorship.ts'
import {
  headsOfSaved,
  isBundleChunk,
  readChanges,
  vetBundle,
  vetDocument,
  type ChangeHeader,
  type SavedHeader,
  type VettedTable,
} from './automerge-chunks.ts'
import {
  checkAuthors,
  checkNewest,
  checkProofs,
  unproven,
  type BatchRules,
  type UnprovenBatch,
} from './batch-authors.ts'
import { createBatchBudget, type BatchBudget } from './batch-budget.ts'
import { actorSpans, readChangeTable, type ActorSpan, type ChangeTable } from './change-table.ts'
import { damaged } from './chunk-cursor.ts'
import { assertHeads, checkContent } from './content-check.ts'
import { noteCounted, type CountedHistory } from './counted-history.ts'
import { inflateBounded } from './deflate.ts'
import { headsAfter, type ChangeLog } from './change-log.ts'
import { wholeProofs } from './lean-proofs.ts'
import { headsOf, sameHeads } from './document-heads.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import { isSyncError, SyncError } from './errors.ts'
import {
  FEW_OPENED_OPERATIONS,
  MAX_APPENDED_BYTES,
  MAX_APPENDED_CHANGES,
  MAX_DOCUMENT_BYTES,
  MAX_HEADS,
  MAX_REBUILT_CHANGES,
  VET_FIRST_OPERATIONS,
} from './limits.ts'
import { areNumbersSound } from './operation-numbers.ts'
import { areSound, areSoundSince, isReadable } from './sound-changes.ts'
import type { ChangeBatch } from './batch-wire.ts'

/**
 * What became of a batch: `gap` means that it builds on changes which are not here,
 * `too-large` that the document would pass `MAX_DOCUMENT_BYTES` with it. Both may be
 * nobody's fault: two devices, each within the limit, can be beyond it together. `costly`
 * means that the vetting thread is to open it first.
 */
export type BatchOutcome = 'applied' | 'nothing-new' | 'gap' | 'too-large' | 'costly'

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
  const { incoming, payload } = incomingOf(state, batch, rules)
  if (batch.isSaved) return applyTable(incoming, payload, vetDocument(payload, incoming.budget))
  return isBundleChunk(payload)
    ? applyTable(incoming, payload, vetBundle(payload, incoming.budget))
    : applyChanges(incoming, payload)
}

function incomingOf(
  state: DocumentState,
  batch: ChangeBatch,
  rules: BatchRules,
): { readonly incoming: Incoming; readonly payload: Uint8Array } {
  const budget = createBatchBudget(batch.payload.length)
  const payload = batch.isDeflated ? inflateBounded(batch.payload, budget) : batch.payload
  if (payload.length > MAX_DOCUMENT_BYTES) {
    throw new SyncError('ERR_DOCUMENT_TOO_LARGE', `a batch has ${payload.length} bytes`)
  }
  const proofs = new Map(batch.proofs.map((proof) => [proof.actor, proof]))
  const { leanProofs } = batch
  return { incoming: { state, proofs, leanProofs, rules, budget }, payload }
}

/**
 * Takes changes into a document that nobody looks at, without opening it: vetted and proven as
 * always, and only if each follows its actor's last one and builds on what is known here. That
 * Automerge can apply them is claimed until the document is opened.
 *
 * @returns `undefined` when the document has to be opened for them.
 * @throws as {@link applyBatch}.
 */
export function appendBatch(
  state: DocumentState,
  batch: ChangeBatch,
  rules: BatchRules,
): BatchOutcome | undefined {
  const { log } = state
  if (batch.isSaved || !log || batch.payload.length > MAX_APPENDED_BYTES || !state.mayAppend([], 0))
    return undefined
  const { incoming, payload } = incomingOf(state, batch, rules)
  if (isBundleChunk(payload)) return undefined
  const changes = readChanges(payload, incoming.budget)
  // Opening them later must not cost more than opening them now may.
  if (isCostly(incoming)) return undefined
  const fresh = changes.filter(({ hash }) => !log.has(hash))
  if (!state.mayAppend(fresh, payload.length) || state.size.mayExceed(payload.length)) {
    return undefined
  }
  if (!isFollowing(state, log, fresh)) return undefined
  if (fresh.length === 0) return 'nothing-new'
  const whole = withWholeProofs(incoming, { changes, fresh })
  if (!whole) return undefined
  const proofs = checkAuthors(whole, fresh, () => undefined)
  state.size.add(payload.length)
  state.append(fresh, rules.origin)
  state.closeIfForgotten()
  state.addProofs(proofs)
  return 'applied'
}

/** Tells whether changes follow what is known without opening the document. */
function isFollowing(
  state: DocumentState,
  log: ChangeLog,
  fresh: readonly ChangeHeader[],
): boolean {
  const here = new Set(state.heads)
  const newest = new Map<string, ChangeHeader>()
  for (const change of fresh) {
    const { hash, actor, seq, deps, hasContainers } = change
    const last = newest.get(actor) ?? log.newestOf(actor)
    if (!last && !state.isNewActor(actor)) return false
    if (seq !== (last?.seq ?? 0) + 1 || hasContainers) return false
    if (deps.length === 0 || !deps.every((dep) => here.has(dep) || log.knows(dep))) return false
    here.add(hash)
    newest.set(actor, change)
  }
  return headsAfter(state.heads, fresh).length <= MAX_HEADS
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
  const budget = createBatchBudget(payload.length)
  const { actors, heads } = vetDocument(payload, budget)
  if (!sameHeads(heads, batch.heads.toSorted())) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'a saved document has other heads than announced')
  }
  const authorByActor = new Map(proofs.map(({ actor, author }) => [actor, author]))
  if (proofs.length !== actors.length || !actors.every((actor) => authorByActor.has(actor))) {
    throw unproven('a saved document comes with other proofs than its actors need')
  }
  for (const { actor, author, nonce, isImage } of proofs) {
    if (!nonce || actorOf({ author, nonce, isImage }, state.id) === actor) continue
    throw unproven(`actor ${actor} is not one of author ${author}`)
  }
  // They are passed on together, and a false one would spoil others. To check them costs little.
  const areFit = (): boolean => proofs.every((proof) => isFitForTree(proof, state.id, rules))
  const { isSignedTogether = areFit } = batch
  if (!isSignedTogether()) throw unproven('a proof has no place in the tree that it names')
  for (const author of new Set(authorByActor.values())) {
    if (rules.mayWrite(author)) continue
    throw new SyncError('ERR_NOT_ALLOWED', `author ${author} may not write here`)
  }
  state.keep(payload.slice(), heads, proofs)
  state.isCostly = budget.operationsTaken > VET_FIRST_OPERATIONS
}

function isFitForTree(proof: ActorProof, id: string, { database }: BatchRules): boolean {
  return proof.signature.leaves === 1 || isProven(proof, database, id)
}

/** Tells whether the vetting thread is to open a saved document first. What is damaged is not: opening it finds that out. */
export function isCostlyDocument(saved: Uint8Array): boolean {
  const budget = createBatchBudget(saved.length)
  // Few bytes cannot hold many operations.
  if (budget.operationsLeft <= VET_FIRST_OPERATIONS) return false
  try {
    vetDocument(saved, budget)
  } catch (error) {
    if (!isSyncError(error)) throw error
    return error.code === 'ERR_DOCUMENT_TOO_LARGE'
  }
  return budget.operationsTaken > VET_FIRST_OPERATIONS
}

/**
 * Tells whether an open document that was kept unopened is what its authors have signed.
 *
 * @param saved - The bytes out of which it was opened.
 */
export function isDocumentProven(
  state: DocumentState,
  saved: Uint8Array,
  database: string,
): boolean {
  const { open } = state
  const proofs = new Map(state.proofs.map((proof) => [proof.actor, proof]))
  const incoming = { state, proofs, rules: { database, mayWrite: () => true } }
  try {
    checkContent(open)
    const table = readChangeTable(vetDocument(saved).table)
    const spans = actorSpans(table)
    if (!spans) return false
    checkProofs(incoming, spans)
    checkNewest(incoming, open, spans)
    return Automerge.stats(open).numChanges === table.rows
  } catch (error) {
    if (!isSyncError(error)) throw error
    return false
  }
}

interface Incoming extends UnprovenBatch {
  readonly budget: BatchBudget
  readonly leanProofs?: readonly LeanProof[] | undefined
}

/** `undefined` when they lean on changes that are not here. */
function withWholeProofs(
  incoming: Incoming,
  came: { readonly changes: readonly ChangeHeader[]; readonly fresh: readonly ChangeHeader[] },
): Incoming | undefined {
  const { state, leanProofs } = incoming
  if (!leanProofs) return incoming
  const proofs = wholeProofs(state, leanProofs, came)
  return proofs && { ...incoming, proofs }
}

function isCostly({ budget, rules }: Incoming): boolean {
  return rules.isVetted !== true && budget.operationsTaken > VET_FIRST_OPERATIONS
}

/** What the vetting thread opens to learn what a batch costs: the document as it is, and the batch. @throws as {@link applyBatch}. */
export function vettingPieces(state: DocumentState, batch: ChangeBatch): readonly Uint8Array[] {
  const { payload, isDeflated } = batch
  const budget = createBatchBudget(payload.length)
  const inflated = isDeflated ? inflateBounded(payload, budget) : payload
  return [Automerge.save(state.open), inflated]
}

function applyChanges(incoming: Incoming, payload: Uint8Array): BatchOutcome {
  const { state } = incoming
  const headers = new Map(
    readChanges(payload, incoming.budget).map((header) => [header.hash, header]),
  )
  if (isCostly(incoming)) return 'costly'
  const fresh = [...headers.values()].filter((header) => isFresh(state, header))
  if (fresh.length === 0) return 'nothing-new'
  const isThere = (hash: string): boolean =>
    state.hasRecently(hash) || headers.has(hash) || state.has([hash])
  if (!fresh.every(({ deps }) => deps.every(isThere))) return 'gap'
  const bytesOf = (hash: string): Uint8Array | undefined => headers.get(hash)?.bytes
  const whole = withWholeProofs(incoming, { changes: [...headers.values()], fresh })
  if (!whole) return 'gap'
  const proofs = checkAuthors(whole, fresh, bytesOf)
  const doc = withChanges(state, fresh)
  if (!doc) return 'too-large'
  if (isInOrder(fresh)) state.replaceLogged(doc, fresh, incoming.rules.origin)
  else state.replace(doc)
  state.addProofs(proofs)
  return 'applied'
}

/** What follows its actor's last change was never here; for anything else the history is asked. */
function isFresh(state: DocumentState, { hash, actor, seq }: ChangeHeader): boolean {
  const last = state.log?.newestOf(actor)
  return last && seq > last.seq ? true : !state.has([hash])
}

/** Few changes, each after those that it builds on: as they come from whoever makes them. */
function isInOrder(fresh: readonly ChangeHeader[]): boolean {
  if (fresh.length > MAX_APPENDED_CHANGES) return false
  const later = new Set(fresh.map(({ hash }) => hash))
  return fresh.every(({ hash, deps }) => {
    later.delete(hash)
    return !deps.some((dep) => later.has(dep))
  })
}

/**
 * Applies to a copy what could make the document too deep or too large, or give it too many
 * heads, so that it can be thrown away; for all else it is cheaper to keep a copy to which to
 * go back. `undefined` when it is too large.
 */
function withChanges(
  state: DocumentState,
  fresh: readonly ChangeHeader[],
): AnyDocument | undefined {
  const addedBytes = fresh.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const isFlat = !fresh.some(({ hasContainers }) => hasContainers)
  const isNarrow = headsAfter(state.heads, fresh).length <= MAX_HEADS
  if (isFlat && isNarrow && !state.size.mayExceed(addedBytes)) {
    const doc = applyInPlace(state, fresh)
    state.size.admits(doc, addedBytes)
    return doc
  }
  const copy = Automerge.clone(state.open, { actor: state.actor })
  try {
    const doc = apply(copy, fresh, state.log)
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

/** The document object stays the one that the application has, unless the changes are unsound. */
function applyInPlace(state: DocumentState, fresh: readonly ChangeHeader[]): AnyDocument {
  const { open } = state
  const before = Automerge.getBackend(open).clone()
  try {
    return apply(open, fresh, state.log)
  } catch (error) {
    state.restore(before.save())
    throw error
  } finally {
    before.free()
  }
}

function apply(
  doc: AnyDocument,
  fresh: readonly ChangeHeader[],
  log: ChangeLog | undefined,
): AnyDocument {
  const chunks = fresh.map(({ bytes }) => bytes)
  let changed: AnyDocument
  try {
    changed = Automerge.applyChanges(doc, chunks)[0]
  } catch (cause) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'changes cannot be applied', { cause })
  }
  if (!areSound(changed, fresh, log)) throw damaged('changes refer to what is not there')
  return changed
}

/** Takes a saved document or a bundle: checked by its table of changes, applied to a copy, and compared with what it said. */
function applyTable(incoming: Incoming, payload: Uint8Array, vetted: VettedTable): BatchOutcome {
  const { state } = incoming
  if (isCostly(incoming)) return 'costly'
  const table = readChangeTable(vetted.table)
  const spans = actorSpans(table)
  if (!spans) throw unproven('changes of one actor do not follow each other')
  if (!table.outside.every((hash) => state.has([hash]))) return 'gap'
  const news = spans.filter(({ actor, lastSeq }) => lastSeq > state.newestSeq(actor))
  if (news.length === 0) return 'nothing-new'
  checkProofs(incoming, news)
  const added = addedBy(state, news)
  const isMany = added > MAX_REBUILT_CHANGES
  const isNumbered = isNumberedByColumns(vetted, table)
  const whole = isNumbered ? wholeOf(incoming, payload, { rows: table.rows, added }) : undefined
  const copy = whole ?? copyOf(state)
  let isKept = false
  try {
    const doc = whole ?? load(copy, payload)
    if (sameHeads(headsOf(doc), state.heads)) return 'nothing-new'
    // Automerge itself looks at what it opens as a whole.
    const isSound =
      whole !== undefined ||
      (isNumbered && isMany ? isReadable(doc) : areSoundSince(doc, state.heads, state.log))
    if (!isSound) throw damaged('changes refer to what is not there')
    assertHeads(doc)
    if (vetted.hasContainers || state.size.mayExceed(payload.length)) checkContent(doc)
    const proofs = checkApplied(incoming, doc, news)
    if (!state.size.admits(doc, payload.length)) return 'too-large'
    if (isMany) noteCounted(state, countedBy(state, payload, table))
    Automerge.free(state.open)
    state.replace(doc)
    state.addProofs(proofs)
    isKept = true
    return 'applied'
  } finally {
    if (!isKept) Automerge.free(copy)
  }
}

/** Of a bundle the columns do not tell: it builds on changes that are elsewhere. */
function isNumberedByColumns(vetted: VettedTable | SavedHeader, table: ChangeTable): boolean {
  return 'operations' in vetted && areNumbersSound(vetted.table, table, vetted.operations)
}

/** How many changes are new, by their numbers. When a proof of ours was lost it is more. */
function addedBy(state: DocumentState, news: readonly ActorSpan[]): number {
  return news.reduce((sum, { actor, lastSeq }) => sum + lastSeq - state.newestSeq(actor), 0)
}

/** What is here before a saved document is brought in, and what came. */
function countedBy(
  { heads, open }: DocumentState,
  payload: Uint8Array,
  { rows }: ChangeTable,
): CountedHistory[] {
  const here = { heads, changes: Automerge.stats(open).numChanges }
  return isBundleChunk(payload) ? [here] : [here, { heads: headsOfSaved(payload), changes: rows }]
}

function copyOf(state: DocumentState): AnyDocument {
  return Automerge.clone(state.open, { actor: state.actor })
}

/**
 * The saved document that came, opened by itself, when all that is here is in it: that takes a
 * fifth of the time of bringing its changes in.
 */
function wholeOf(
  { state, budget }: Incoming,
  payload: Uint8Array,
  { rows, added }: { readonly rows: number; readonly added: number },
): AnyDocument | undefined {
  if (budget.operationsTaken < FEW_OPENED_OPERATIONS) return undefined
  if (rows !== Automerge.stats(state.open).numChanges + added) return undefined
  let doc: AnyDocument
  try {
    doc = Automerge.load(payload, { actor: state.actor })
  } catch (cause) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'changes cannot be opened', { cause })
  }
  if (Automerge.hasHeads(doc, [...state.heads])) return doc
  Automerge.free(doc)
  return undefined
}

/**
 * Nothing has come in but changes that the proofs cover. When the numbers do not tell (a proof
 * of ours may have been lost), each change is looked at.
 */
function checkApplied(
  incoming: Incoming,
  doc: AnyDocument,
  news: readonly ActorSpan[],
): ActorProof[] {
  const { state } = incoming
  const expected = Automerge.stats(state.open).numChanges + addedBy(state, news)
  const isPlain = news.every(({ actor, firstSeq }) => firstSeq <= state.newestSeq(actor) + 1)
  if (isPlain && Automerge.stats(doc).numChanges === expected) {
    return checkNewest(incoming, doc, news)
  }
  const backend = Automerge.getBackend(doc)
  const fresh = Automerge.getChangesMetaSince(doc, [...state.heads])
  return checkAuthors(incoming, fresh, (hash) => backend.getChangeByHash(hash) ?? undefined)
}

function load(doc: AnyDocument, payload: Uint8Array): AnyDocument {
  try {
    return Automerge.loadIncremental(doc, payload)
  } catch (cause) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'changes cannot be opened', { cause })
  }
}
