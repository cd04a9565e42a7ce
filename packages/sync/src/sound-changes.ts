import * as Automerge from '@automerge/automerge'
import { bytesEqual, concatBytes } from '@vudo/wire'
import { readChanges, type ChangeHeader } from './automerge-chunks.ts'
import type { ChangeLog } from './change-log.ts'
import { headsOf, sameHeads } from './document-heads.ts'
import type { AnyDocument } from './document-state.ts'
import { MAX_OPERATION_GAP, MAX_OPERATION_NUMBER, MAX_REBUILT_CHANGES } from './limits.ts'

/*
 * Automerge applies a change without looking whether all that its operations refer to is
 * there. What refers to nothing makes it throw in the middle, or, which is worse, is taken
 * without a word and lost: then what it saves cannot be opened again. So whoever applies
 * changes that others made asks here afterwards, and can still go back.
 */

/** The document and the change as Automerge knows them. */
type Backend = ReturnType<typeof Automerge.getBackend>

interface Numbers {
  readonly hash: string
  readonly startOp: number
  readonly maxOp: number
  readonly deps: readonly string[]
}

/**
 * Tells whether a document holds changes as they were made. Automerge keeps operations and
 * not changes: a change that it can put together again has lost none of them.
 *
 * @param changes - All that came in with the last call of Automerge.
 * @param log - Earlier changes of the document, to spare asking Automerge, which takes a
 *   millisecond for a change of many writers.
 */
export function areSound(
  doc: AnyDocument,
  changes: readonly ChangeHeader[],
  log?: ChangeLog,
): boolean {
  try {
    const backend = Automerge.getBackend(doc)
    // What Automerge puts together to the same bytes has the numbers that the bytes tell.
    const isSound = changes.every((change) => isHeld(backend, change))
    if (!isSound || !areNumbersSound(backend, changes, log)) return false
    // Marks are in order or not, which only shows when all of them are read.
    return !changes.some(({ hasMarks }) => hasMarks) || isReadable(doc)
  } catch {
    // It throws at a change that is not whole.
    return false
  }
}

/**
 * As {@link areSound}, for all that a document has beyond `before`.
 *
 * @param before - Heads that were there; none of them when the document was empty.
 * @param log - As for {@link areSound}.
 */
export function areSoundSince(
  doc: AnyDocument,
  before: readonly string[],
  log?: ChangeLog,
): boolean {
  try {
    const backend = Automerge.getBackend(doc)
    const numbers = Automerge.getChangesMetaSince(doc, [...before])
    if (!areNumbersSound(backend, numbers, log)) return false
    const isFew = numbers.length <= MAX_REBUILT_CHANGES
    return (isFew && numbers.every(({ hash }) => isRebuilt(backend, hash))) || isReadable(doc)
  } catch {
    return false
  }
}

/**
 * As {@link areSound}, for changes in chunks out of which a document was opened.
 *
 * @param chunks - Those that are not saved documents, which Automerge looks at itself.
 */
export function areStoredSound(doc: AnyDocument, chunks: readonly Uint8Array[]): boolean {
  if (chunks.length === 0) return true
  if (chunks.length > MAX_REBUILT_CHANGES) return isReadable(doc)
  try {
    // The bounds for peers must not cost what is stored here already.
    return areSound(doc, readChanges(concatBytes(...chunks))) || isReadable(doc)
  } catch {
    // Our own may be larger than what peers may send.
    return isReadable(doc)
  }
}

/** Tells whether what Automerge would save of it can be opened, and is the same. */
export function isReadable(doc: AnyDocument): boolean {
  try {
    const copy = Automerge.load(Automerge.save(doc))
    const isSame = sameHeads(headsOf(copy), headsOf(doc))
    Automerge.free(copy)
    return isSame
  } catch {
    return false
  }
}

function isHeld(backend: Backend, { hash, bytes }: ChangeHeader): boolean {
  const rebuilt = backend.getChangeByHash(hash)
  if (!rebuilt) return false
  // Others may deflate it in another way.
  return bytesEqual(rebuilt, bytes) || readChanges(rebuilt)[0]?.hash === hash
}

/** `false` also when that cannot be told from the change alone. */
function isRebuilt(backend: Backend, hash: string): boolean {
  const rebuilt = backend.getChangeByHash(hash)
  if (!rebuilt) return false
  const [change] = readChanges(rebuilt)
  return change?.hash === hash && !change.hasMarks
}

/** The numbers of operations go on from those that a change builds on, without running away. */
function areNumbersSound(backend: Backend, changes: readonly Numbers[], log?: ChangeLog): boolean {
  const numbers = new Map(changes.map(({ hash, maxOp }) => [hash, maxOp]))
  const numberOf = (hash: string): number => {
    const known = numbers.get(hash) ?? log?.lastOperationOf(hash)
    if (known !== undefined) return known
    const number = backend.getChangeMetaByHash(hash)?.maxOp ?? MAX_OPERATION_NUMBER
    numbers.set(hash, number)
    return number
  }
  return changes.every(({ startOp, maxOp, deps }) => {
    const last = deps.reduce((most, hash) => Math.max(most, numberOf(hash)), 0)
    const isNext = startOp > last && startOp <= last + MAX_OPERATION_GAP
    return isNext && maxOp <= MAX_OPERATION_NUMBER
  })
}
