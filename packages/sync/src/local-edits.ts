import * as Automerge from '@automerge/automerge'
import { signProof } from './authorship.ts'
import { signRecord, type CatalogueRecord, type RecordContent } from './catalogue-record.ts'
import { firstDocumentId, nextDocumentId } from './document-id.ts'
import type { DocumentSize } from './document-size.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import { readChanges, type ChangeHeader } from './automerge-chunks.ts'
import { isSyncError, SyncError } from './errors.ts'
import { initialChanges, type InitialChange } from './initial-changes.ts'
import { MAX_COVERED_HEADS, MAX_DOCUMENT_BYTES, MAX_INITIAL_HEADS } from './limits.ts'
import type { PolicyAction, Replica } from './replica.ts'

/* What the application does with a replica. The driver takes the effects afterwards. */

/** @throws `SyncError` `ERR_NOT_ALLOWED` when the policy does not let this device's author do that. */
export function assertMay(replica: Replica, action: PolicyAction, path: string): void {
  if (replica.may(replica.init.author.authorId, action, path)) return
  throw new SyncError('ERR_NOT_ALLOWED', `the policy does not let this author ${action} ${path}`, {
    hint: 'ask somebody with that right to grant it',
  })
}

/** Who waits for a document to be open. */
export interface Opening {
  readonly onOpen: (state: DocumentState) => void
  readonly onRefused: (error: unknown) => void
}

/**
 * Begins the document under `path` unless it is there, and tells its id. `initial`
 * goes in as changes that everybody makes alike.
 *
 * @param opening - Told once, now or after the document was read, how it went: that it is
 *   open and pinned, or why the initial value was not taken (`ERR_VALUE_UNSUPPORTED`,
 *   `ERR_DOCUMENT_TOO_LARGE`).
 * @throws `SyncError` `ERR_NOT_ALLOWED`.
 */
export function beginDocument(
  replica: Replica,
  path: string,
  initial: Readonly<Record<string, unknown>>,
  opening: Opening,
): void {
  replica.assertWorking()
  const winner = replica.catalogue.winner(path)
  if (winner?.state !== 'live') {
    assertMay(replica, 'write', path)
    signHere(replica, nextRecord(replica, path, winner))
  }
  const record = replica.catalogue.winner(path)
  if (!record) throw new Error(`path ${path} has no record`)
  replica.retired.recall(record.documentId)
  const state = replica.document(record.documentId)
  replica.retired.whenBegun(record, state, () => {
    try {
      addInitial(replica, state, path, initial)
    } catch (error) {
      // Thrown further it would reach whoever reads the disk, and not the application.
      return opening.onRefused(error)
    }
    replica.pin(state)
    opening.onOpen(state)
  })
}

function nextRecord(
  replica: Replica,
  path: string,
  winner: CatalogueRecord | undefined,
): RecordContent {
  if (!winner) {
    const documentId = firstDocumentId(replica.init.database, path)
    return { path, documentId, generation: 0, state: 'live', predecessor: undefined }
  }
  const documentId = nextDocumentId(winner.hash)
  return followerOf(winner, { documentId, state: 'live' })
}

/** Signs a record, and takes it in. */
export function signHere(replica: Replica, content: RecordContent): void {
  replica.assertRoom()
  replica.addRecord(signRecord(replica.init.database, content, replica.init.author), 'local')
}

/** Adds an initial value. Keys that are there, and changes that were here once, stay as they are. @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE`, `ERR_VALUE_UNSUPPORTED`. */
export function addInitial(
  replica: Replica,
  state: DocumentState,
  path: string,
  initial: Readonly<Record<string, unknown>>,
): void {
  const { author } = replica.init
  const missing = Object.keys(initial).filter((key) => !Object.hasOwn(state.open, key))
  if (missing.length === 0 || !replica.mayWith(author.authorId, 'write', state.id)) return
  const values = Object.fromEntries(missing.map((key) => [key, initial[key]]))
  addBeginning(replica, state, initialChanges(state.id, values))
}

/**
 * Brings in changes with which a document begins, as far as they are not there.
 *
 * @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE`.
 */
export function addBeginning(
  replica: Replica,
  state: DocumentState,
  beginning: readonly InitialChange[],
): void {
  const { author, database } = replica.init
  const changes = beginning.filter(({ hash }) => !state.has([hash]))
  if (changes.length === 0) return
  const bytes = changes.reduce((sum, change) => sum + change.bytes.length, 0)
  // Measured by its changes and not saved: no application begins a document at its limit.
  if (state.size.mayExceed(bytes)) throw tooLarge(replica.catalogue.pathOf(state.id) ?? '')
  takeInitial(state, changes)
  state.size.admits(state.open, bytes)
  for (const { actor, hash } of changes) {
    const change = { database, documentId: state.id, actor, hash }
    state.addProofs([signProof(change, author, undefined)])
  }
  replica.changed(state, 'local')
}

/** Joins many changes with empty ones of our own: the initial ones have to stay what everybody makes. */
function takeInitial(state: DocumentState, changes: readonly InitialChange[]): void {
  const isMany = state.heads.length + changes.length > MAX_INITIAL_HEADS
  const size = isMany ? MAX_INITIAL_HEADS - 1 : changes.length
  if (isMany && state.heads.length > 1) joinHeads(state)
  for (let at = 0; at < changes.length; at += size) {
    const some = changes.slice(at, at + size).map(({ bytes }) => bytes)
    state.replace(Automerge.applyChanges(state.open, some)[0])
    if (isMany) joinHeads(state)
  }
}

function joinHeads(state: DocumentState): void {
  state.replaceOwn(Automerge.emptyChange(state.open, { time: 0 }), undefined)
}

/**
 * Edits an open document.
 *
 * @throws `SyncError` `ERR_NOT_ALLOWED`, `ERR_DOCUMENT_DELETED`, `ERR_DOCUMENT_TOO_LARGE`,
 *   `ERR_VALUE_UNSUPPORTED`, `ERR_EDIT_ASYNC`; and what `edit` throws: then nothing changed.
 */
export function editDocument(
  replica: Replica,
  state: DocumentState,
  edit: (doc: AnyDocument) => void,
  options: { readonly nowMs: number; readonly message?: string | undefined },
): void {
  replica.assertWorking()
  replica.assertRoom()
  assertWritable(replica, state)
  const path = replica.catalogue.pathOf(state.id) ?? ''
  const made = makeEdit(state, edit, { ...options, path })
  if (!made) return
  const header = made.change && headerOf(made.change)
  state.replaceOwn(made.doc, header)
  if (header?.hasContainers ?? true) {
    for (const message of made.warnings()) replica.emit({ type: 'warning', message, path })
  }
  replica.changed(state, 'local')
}

/** What an edit is made on: a document here, or its image in a linked thread. */
export interface EditedDocument {
  readonly open: AnyDocument
  readonly size: DocumentSize
  /** Gives up an edit that was made and not taken over. */
  undoOwn(doc: AnyDocument): void
}

/** An edit that was made, and is to be taken over. */
export interface MadeEdit {
  readonly doc: AnyDocument
  readonly change: Uint8Array | undefined
  /** What is probably a mistake about it. */
  warnings(): readonly string[]
}

/**
 * Makes an edit of an open document.
 *
 * @returns `undefined` when it changed nothing.
 * @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE`, `ERR_VALUE_UNSUPPORTED`, `ERR_EDIT_ASYNC`; and
 *   what `edit` throws: then nothing changed.
 */
export function makeEdit(
  document: EditedDocument,
  edit: (doc: AnyDocument) => void,
  options: { readonly nowMs: number; readonly message?: string | undefined; readonly path: string },
): MadeEdit | undefined {
  const { open, size } = document
  const before = new Set(Object.keys(open))
  const time = Math.floor(options.nowMs / 1_000)
  const { message } = options
  const doc = Automerge.change(
    open,
    message === undefined ? { time } : { time, message },
    guarded(edit),
  )
  if (doc === open) return undefined
  const change = Automerge.getLastLocalChange(doc)
  if (!size.admits(doc, change?.length ?? 0)) {
    document.undoOwn(doc)
    throw tooLarge(options.path)
  }
  return { doc, change, warnings: () => containerWarnings(doc, before) }
}

/** `undefined` for an edit beyond what a peer may send at once: it travels in another way. */
export function headerOf(change: Uint8Array): ChangeHeader | undefined {
  try {
    return readChanges(change)[0]
  } catch (error) {
    if (!isSyncError(error)) throw error
    return undefined
  }
}

/** Says in our words what Automerge refuses, and refuses what it would lose. */
function guarded(edit: (doc: AnyDocument) => unknown): (doc: AnyDocument) => void {
  return (doc) => {
    const result = withValueErrors(() => edit(doc))
    if (!(result instanceof Promise)) return
    // Its later edits have no document to go to, and would fail where nobody looks.
    result.catch(() => undefined)
    throw new SyncError('ERR_EDIT_ASYNC', 'the edit of a document returned a promise', {
      hint: 'await what it needs first, and edit in a function that is not async',
    })
  }
}

function withValueErrors(edit: () => unknown): unknown {
  try {
    return edit()
  } catch (cause) {
    const isRefusal = cause instanceof RangeError && /^(?:Cannot |The key )/.test(cause.message)
    if (!isRefusal) throw cause
    throw new SyncError('ERR_VALUE_UNSUPPORTED', cause.message, { cause })
  }
}

/** The error for an edit that would make a document too large. */
export function tooLarge(path: string): SyncError {
  return new SyncError(
    'ERR_DOCUMENT_TOO_LARGE',
    `the document of ${path} would have more than ${MAX_DOCUMENT_BYTES} bytes with that edit`,
    { hint: 'split the document' },
  )
}

/** @throws `SyncError` `ERR_DOCUMENT_DELETED`, `ERR_NOT_ALLOWED`: this device's author cannot write there. */
export function assertWritable(replica: Replica, state: DocumentState): void {
  const path = replica.catalogue.pathOf(state.id) ?? ''
  const winner = replica.catalogue.winner(path)
  if (winner?.documentId !== state.id || winner.state !== 'live') {
    throw new SyncError('ERR_DOCUMENT_DELETED', `the document of ${path} was deleted`, {
      hint: 'open the path again to begin a new document',
    })
  }
  if (replica.mayWith(replica.init.author.authorId, 'write', state.id)) return
  assertMay(replica, 'write', path)
}

function containerWarnings(doc: AnyDocument, before: ReadonlySet<string>): string[] {
  return Object.entries(doc).flatMap(([key, value]) => {
    if (before.has(key) || typeof value !== 'object' || value === null) return []
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return []
    return `"${key}" was made by an edit: two devices that do so offline each make their own, and one is hidden. Put it into the initial value of open()`
  })
}

/**
 * Deletes the document under `path`, for everybody who learns of it. Once more when it was
 * deleted by somebody who did not know all of it.
 *
 * @returns false when nothing is there.
 * @throws `SyncError` `ERR_NOT_ALLOWED`.
 */
export function removePath(replica: Replica, path: string): boolean {
  replica.assertWorking()
  const winner = replica.catalogue.winner(path)
  if (!winner || (winner.state === 'deleted' && isCovered(replica, winner))) return false
  assertMay(replica, 'delete', path)
  signHere(replica, deletionOf(replica, winner))
  return true
}

/** A deletion that names what is known here; what others have done meanwhile is not in it. */
function deletionOf(replica: Replica, winner: CatalogueRecord): RecordContent {
  const { documentId } = winner
  const { heads } = replica.document(documentId)
  const covered = heads.toSorted().slice(0, MAX_COVERED_HEADS)
  return { ...followerOf(winner, { documentId, state: 'deleted' }), covered }
}

/** Nothing is here that a second deletion would have to name. */
function isCovered(replica: Replica, { documentId, covered }: CatalogueRecord): boolean {
  const { heads } = replica.document(documentId)
  return heads.every((head) => covered?.includes(head))
}

/**
 * Puts the document under `from` under `to` as well, and deletes it there.
 *
 * @throws `SyncError` `ERR_NOT_ALLOWED`, `ERR_DOCUMENT_NOT_FOUND`.
 */
export function renamePath(replica: Replica, from: string, to: string): void {
  replica.assertWorking()
  const winner = replica.catalogue.winner(from)
  if (winner?.state !== 'live') {
    throw new SyncError('ERR_DOCUMENT_NOT_FOUND', `no document lies under ${from}`)
  }
  if (from === to) return
  assertMay(replica, 'delete', from)
  admitDocument(replica, to, winner.documentId)
  signHere(replica, deletionOf(replica, winner))
}

/** Puts a document under a path, whatever lies there. @throws `SyncError` `ERR_NOT_ALLOWED`. */
export function admitDocument(replica: Replica, path: string, documentId: string): void {
  replica.assertWorking()
  assertMay(replica, 'write', path)
  const old = replica.catalogue.winner(path)
  signHere(
    replica,
    old
      ? followerOf(old, { documentId, state: 'live' })
      : { path, documentId, generation: 0, state: 'live', predecessor: undefined },
  )
}

/** What follows a record at its path. */
export function followerOf(
  record: CatalogueRecord,
  next: { readonly documentId: string; readonly state: 'live' | 'deleted' },
): RecordContent {
  const { path, generation, hash } = record
  return { path, generation: generation + 1, predecessor: hash, ...next }
}
