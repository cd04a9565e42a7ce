import * as Automerge from '@automerge/automerge'
import { sha256 } from '@vudo/identity'
import { concatBytes, hexToBytes } from '@vudo/wire'
import { ACTOR_BYTES, deriveActor, signProof } from './authorship.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import { SyncError } from './errors.ts'
import { isSame } from './value-difference.ts'
import type { HistoryEntry } from './people-types.ts'
import { MAX_HISTORY_ENTRIES } from './limits.ts'
import { applyPatchTo, valueAtPath } from './patches.ts'
import { assertWritable } from './local-edits.ts'
import type { Replica } from './replica.ts'

/* What a document was, and how to take back a part of it. */

/** What can be asked of an open document, wherever it is open. */
export interface ReadableDocument {
  readonly id: string
  readonly open: AnyDocument
  /** The actor under which it is edited here. */
  readonly actor: string
  /** Who edits here. */
  readonly ownAuthor: string
  /** Who stands behind which actor. */
  readonly proofs: readonly { readonly actor: string; readonly author: string }[]
}

/** The changes of an open document, newest first, at most `limit`. */
export function historyOf(state: ReadableDocument, limit = 100): HistoryEntry[] {
  const { open } = state
  const authors = new Map(state.proofs.map(({ actor, author }) => [actor, author]))
  const changes = Automerge.getChangesMetaSince(open, [])
  const own = state.ownAuthor
  return changes
    .slice(-Math.min(Math.max(1, limit), MAX_HISTORY_ENTRIES))
    .toReversed()
    .map(({ hash, actor, time, message, deps, maxOp, startOp }) => ({
      hash,
      // Our own newest change may not be signed yet: typing makes many.
      author: authors.get(actor) ?? (actor === state.actor ? own : undefined),
      timeMs: time === 0 ? undefined : time * 1_000,
      message: message ?? undefined,
      parents: deps.toSorted(),
      operations: Math.max(0, maxOp - startOp + 1),
    }))
}

/** How many changes of each actor an open document holds. */
export function versionVectorOf({ open }: Pick<ReadableDocument, 'open'>): Map<string, number> {
  const newest = new Map<string, number>()
  for (const { actor, seq } of Automerge.getChangesMetaSince(open, [])) {
    newest.set(actor, Math.max(seq, newest.get(actor) ?? 0))
  }
  return newest
}

/** What an open document held at certain heads. @throws `SyncError` `ERR_HISTORY_UNKNOWN`. */
export function viewAt(
  { open }: Pick<ReadableDocument, 'open'>,
  heads: readonly string[],
): unknown {
  if (heads.length === 0) return {}
  const isHex = heads.every((head) => /^[\da-f]{64}$/.test(head))
  if (isHex && Automerge.hasHeads(open, [...heads])) {
    return Automerge.toJS(Automerge.view(open, [...heads]))
  }
  throw new SyncError('ERR_HISTORY_UNKNOWN', 'the document has no such change', {
    hint: 'take hashes from history(); an earlier epoch has its own',
  })
}

/** A change that can be taken back. */
export interface UndoStep {
  readonly hash: string
  /** At these heads the document is as it was right after it: what was done then has been taken back since. */
  base: readonly string[]
}

/**
 * Takes back one change of this author: what it did is undone where nobody has changed it
 * since; what others did meanwhile stays.
 *
 * The difference is made at the state right after the change, as if beside all that came
 * later, so that positions in texts and lists are right, and merged.
 *
 * @returns The change that takes it back, which can be taken back as well; `undefined`
 *   when nothing of it is left.
 * @throws `SyncError` `ERR_HISTORY_UNKNOWN` when it is not a change of this author, and as `editDocument`.
 */
export function undoChange(
  replica: Replica,
  state: DocumentState,
  step: UndoStep,
): UndoStep | undefined {
  replica.assertWorking()
  replica.assertRoom()
  assertWritable(replica, state)
  const undone = makeUndo(state, step, replica.init.runId)
  if (!undone) return undefined
  takeChange(replica, state, undone)
  return { hash: undone.hash, base: [undone.hash] }
}

/**
 * The change that takes a step back, as {@link undoChange} takes it in.
 *
 * @param runId - 16 random bytes of whoever makes it.
 * @throws `SyncError` `ERR_HISTORY_UNKNOWN`.
 */
export function makeUndo(
  state: ReadableDocument,
  { hash, base }: UndoStep,
  runId: Uint8Array,
): OwnChange | undefined {
  const change = Automerge.inspectChange(state.open, hash)
  if (!change || !isOwn(state, change.actor)) {
    const hint = 'take a hash from history() whose author is this one'
    throw new SyncError('ERR_HISTORY_UNKNOWN', 'no such change of this author', { hint })
  }
  const nonce = undoNonce(runId, [hash, ...base])
  const actor = deriveActor(state.ownAuthor, state.id, nonce)
  const before = Automerge.clone(Automerge.view(state.open, [...base]), { actor })
  const patches = Automerge.diff(state.open, [hash], [...change.deps])
  const after = Automerge.change(before, { time: 0, message: `undo ${hash}` }, (root) => {
    for (const patch of ownPatches(state.open, before, patches)) applyPatchTo(root, patch)
  })
  const bytes = after === before ? undefined : Automerge.getLastLocalChange(after)
  const [undone] = Automerge.getHeads(after)
  Automerge.free(after)
  const isNew = undone !== undefined && !Automerge.hasHeads(state.open, [undone])
  return bytes && isNew ? { actor, nonce, hash: undone, bytes } : undefined
}

/** After a step was taken back, the one before it has another place from which to go on. */
export function moveBase(
  { open }: Pick<ReadableDocument, 'open'>,
  step: UndoStep | undefined,
  { taken, undone }: { readonly taken: UndoStep; readonly undone: UndoStep },
): void {
  if (!step) return
  const deps = Automerge.inspectChange(open, taken.hash)?.deps ?? []
  const later = new Set(Automerge.getChangesMetaSince(open, [...step.base]).map(({ hash }) => hash))
  // Nobody else's work lies between the two.
  const isNext = step.base.every((head) => deps.includes(head))
  if (isNext && !deps.some((hash) => later.has(hash))) step.base = [undone.hash]
}

/** A change under an actor of its own. */
export interface OwnChange {
  readonly actor: string
  readonly nonce: Uint8Array
  readonly hash: string
  readonly bytes: Uint8Array
}

function takeChange(
  replica: Replica,
  state: DocumentState,
  { actor, nonce, hash, bytes }: OwnChange,
): void {
  const { author, database } = replica.init
  if (state.size.mayExceed(bytes.length)) {
    throw new SyncError(
      'ERR_DOCUMENT_TOO_LARGE',
      'taking it back would make the document too large',
    )
  }
  const [doc] = Automerge.applyChanges(state.open, [bytes])
  state.size.admits(doc, bytes.length)
  state.replace(doc)
  state.addProofs([signProof({ database, documentId: state.id, actor, hash }, author, nonce)])
  replica.changed(state, 'local')
}

function isOwn(state: ReadableDocument, actor: string): boolean {
  if (actor === state.actor) return true
  return state.proofs.some((proof) => proof.actor === actor && proof.author === state.ownAuthor)
}

/** Each is used for one change only, the same whenever the same is taken back at the same place. */
function undoNonce(runId: Uint8Array, hashes: readonly string[]): Uint8Array {
  const tag = new TextEncoder().encode('vudo/undo/1\0')
  const input = concatBytes(tag, runId, ...hashes.map((hash) => hexToBytes(hash)))
  return sha256(input).slice(0, ACTOR_BYTES)
}

/** A key that somebody has written since is theirs, with all that is below it. Texts and lists merge by themselves. */
function ownPatches(
  now: AnyDocument,
  then: AnyDocument,
  patches: readonly Automerge.Patch[],
): Automerge.Patch[] {
  const theirs: (readonly Automerge.Prop[])[] = []
  return patches.filter(({ path }) => {
    if (theirs.some((place) => place.every((key, at) => path[at] === key))) return false
    if (typeof path.at(-1) !== 'string') return true
    const isOurs = isSame(valueAtPath(now, path), valueAtPath(then, path))
    if (!isOurs) theirs.push(path)
    return isOurs
  })
}
