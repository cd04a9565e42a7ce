import * as Automerge from '@automerge/automerge'
import { signProof } from './authorship.ts'
import type { CatalogueRecord } from './catalogue-record.ts'
import { successorDocumentId } from './document-id.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import { blocksOf } from './text-blocks.ts'
import { assertHeads } from './content-check.ts'
import { SyncError } from './errors.ts'
import { epochChanges, type InitialChange } from './initial-changes.ts'
import { MAX_COVERED_HEADS, MAX_HEADS } from './limits.ts'
import { addBeginning, assertMay, followerOf, signHere } from './local-edits.ts'
import { imagesOf, type ChangeImage } from './rebase.ts'
import type { Replica } from './replica.ts'

/*
 * An epoch is a document without its past: the successor of a document holds, as initial
 * value, what that document held at certain heads. Whoever knows both makes the same
 * successor. What others did to the old epoch meanwhile goes on into the new one as
 * differences, which are the same whoever makes them (rebase.ts).
 */

/** Who waits for a document to have a successor. */
export interface Compaction {
  /** The bytes of the old epoch go without waiting for the peers. */
  readonly force: boolean
  readonly onDone: () => void
  readonly onRefused: (error: unknown) => void
}

/**
 * Begins a new epoch of the document under `path`.
 *
 * @throws `SyncError` `ERR_DOCUMENT_NOT_FOUND`, `ERR_NOT_ALLOWED`.
 */
export function compactPath(replica: Replica, path: string, compaction: Compaction): void {
  replica.assertWorking()
  const winner = replica.catalogue.winner(path)
  if (winner?.state !== 'live') {
    throw new SyncError('ERR_DOCUMENT_NOT_FOUND', `no document lies under ${path}`)
  }
  assertMay(replica, 'delete', path)
  assertMay(replica, 'write', path)
  const state = replica.document(winner.documentId)
  replica.withDocument(state, () => {
    try {
      compact(replica, winner, state)
    } catch (error) {
      return compaction.onRefused(error)
    }
    if (compaction.force) replica.retired.force(state.id)
    compaction.onDone()
  })
}

function compact(replica: Replica, winner: CatalogueRecord, state: DocumentState): void {
  if (replica.catalogue.winner(winner.path)?.hash !== winner.hash) {
    throw new SyncError('ERR_DOCUMENT_DELETED', `the document of ${winner.path} was replaced`)
  }
  if (state.heads.length > MAX_COVERED_HEADS) {
    state.replaceOwn(Automerge.emptyChange(state.open, { time: 0 }), undefined)
    replica.changed(state, 'local')
  }
  const covered = state.heads
  const id = successorDocumentId(state.id, covered)
  const value = Automerge.toJS(state.open)
  // Before anything is signed: a value that no initial value can hold is refused here.
  const beginning = epochChanges(id, value)
  assertPlain(value, state)
  signHere(replica, { ...followerOf(winner, { documentId: id, state: 'live' }), covered })
  const successor = replica.document(id)
  replica.withDocument(successor, () => addBeginning(replica, successor, beginning))
}

/** Marks and blocks of rich text lie beside the value, and would be lost with the past. */
function assertPlain(value: unknown, { open }: DocumentState): void {
  const places: { readonly value: unknown; readonly path: Automerge.Prop[] }[] = [
    { value, path: [] },
  ]
  for (let place = places.pop(); place; place = places.pop()) {
    const { value: inner, path } = place
    if (typeof inner === 'string' && isRich(open, path, inner)) {
      const what = `the text at ${path.join('.')} has marks or blocks, which a new epoch cannot hold`
      throw new SyncError('ERR_VALUE_UNSUPPORTED', what, { hint: 'keep its history' })
    }
    if (typeof inner !== 'object' || inner === null || inner instanceof Uint8Array) continue
    const isList = Array.isArray(inner)
    for (const [key, next] of Object.entries(inner)) {
      places.push({ value: next, path: [...path, isList ? Number(key) : key] })
    }
  }
}

function isRich(doc: AnyDocument, path: Automerge.Prop[], text: string): boolean {
  return Automerge.marks(doc, path).length > 0 || blocksOf(doc, path, text).length > 0
}

/** What a document held at certain heads, as the initial changes of its successor. */
export function beginningOf(
  { open }: DocumentState,
  covered: readonly string[],
  successorId: string,
): InitialChange[] {
  if (covered.length === 0) return []
  return epochChanges(successorId, Automerge.toJS(Automerge.view(open, [...covered])))
}

/** What is to be carried from one document to another, both open. */
export interface Carrying {
  readonly from: DocumentState
  readonly covered: readonly string[]
  readonly to: DocumentState
  readonly base: readonly string[]
}

/**
 * Brings into one document what another holds beyond `covered`.
 *
 * @throws `RangeError`, `SyncError` when that cannot be done.
 */
export function carryOver(replica: Replica, { from, covered, to, base }: Carrying): void {
  if (base.length > MAX_HEADS) {
    throw new SyncError('ERR_DOCUMENT_TOO_LARGE', 'they would build on more changes than one may')
  }
  const source = { id: from.id, doc: from.open, covered }
  const images = imagesOf(source, { id: to.id, doc: to.open, base })
  const missing = images.filter(({ hash }) => !to.has([hash]))
  if (missing.length === 0) return
  const bytes = missing.map((image) => image.bytes)
  const addedBytes = bytes.reduce((sum, { length }) => sum + length, 0)
  if (to.size.mayExceed(addedBytes)) {
    throw new SyncError('ERR_DOCUMENT_TOO_LARGE', 'with them the document would be too large')
  }
  const doc = withImages(to, bytes)
  to.size.admits(doc, addedBytes)
  to.replace(doc)
  signImages(replica, to, missing)
  replica.changed(to, 'local')
}

/** Applies to a copy what could give the document too many heads. */
function withImages(to: DocumentState, images: readonly Uint8Array[]): AnyDocument {
  const isNarrow = to.heads.length + images.length <= MAX_HEADS
  if (isNarrow) return Automerge.applyChanges(to.open, [...images])[0]
  const copy = Automerge.clone(to.open, { actor: to.actor })
  try {
    const [doc] = Automerge.applyChanges(copy, [...images])
    assertHeads(doc)
    Automerge.free(to.open)
    return doc
  } catch (error) {
    Automerge.free(copy)
    throw error
  }
}

/** The newest of each actor speaks for the others. */
function signImages(replica: Replica, to: DocumentState, images: readonly ChangeImage[]): void {
  const { database, author } = replica.init
  for (const { actor, hash, original } of new Map(
    images.map((image) => [image.actor, image]),
  ).values()) {
    const change = { database, documentId: to.id, actor, hash }
    to.addProofs([{ ...signProof(change, author, original), isImage: true }])
  }
}

/** Documents that lay under a path before the one that lies there now, and are still here; newest first. */
export function earlierEpochs(
  replica: Replica,
  path: string,
): readonly { readonly record: CatalogueRecord; readonly state: DocumentState }[] {
  const seen = new Set<string>()
  return replica.catalogue
    .records(path)
    .toReversed()
    .flatMap((record) => {
      const { documentId: id } = record
      const state = replica.knownDocument(id)
      const isEarlier = !replica.catalogue.isLive(id) && !seen.has(id)
      seen.add(id)
      return state && isEarlier && state.heads.length > 0 ? { record, state } : []
    })
}
