import * as Automerge from '@automerge/automerge'
import { isProven, isSignedByAuthor, type ActorProof } from './authorship.ts'
import type { ActorSpan } from './change-table.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import { SyncError } from './errors.ts'
import { isInitialChange } from './initial-changes.ts'
import { MAX_UNWRITTEN_PROOFS } from './limits.ts'
import type { LinkId } from './replica-effects.ts'

/* Who has made the changes of a batch, and may make them. */

/** Who may write. */
export interface BatchRules {
  readonly database: string
  readonly mayWrite: (author: string) => boolean
  /** The channel that it came through. */
  readonly origin?: LinkId | undefined
  /** The vetting thread has opened it, and it took what it may take. */
  readonly isVetted?: boolean | undefined
}

/** A document with what came for it, of which nothing is proven yet. */
export interface UnprovenBatch {
  readonly state: DocumentState
  readonly proofs: ReadonlyMap<string, ActorProof>
  readonly rules: BatchRules
}

interface ChangeFacts {
  readonly hash: string
  readonly actor: string
  readonly seq: number
  readonly deps: readonly string[]
}

/**
 * Finds the proof of each actor with new changes, and checks it.
 *
 * A signature stands for the actor's newest change and, because a change names its
 * predecessor by hash, for all earlier ones of that actor. A change of another
 * author in between is not covered: it needs a proof of its own.
 */
export function checkAuthors(
  { state, proofs, rules }: UnprovenBatch,
  fresh: readonly ChangeFacts[],
  bytesOf: (hash: string) => Uint8Array | undefined,
): ActorProof[] {
  const checked: ActorProof[] = []
  for (const [actor, changes] of Map.groupBy(fresh, (change) => change.actor)) {
    const newest = checkChain(changes.toSorted((a, b) => a.seq - b.seq))
    const proof = proofs.get(actor)
    if (proof?.hash !== newest.hash || !isRight(state, proof, rules.database)) {
      throw unproven(`the newest change of actor ${actor} is not signed`)
    }
    if (proof.isAdmitted) checkAdmitted(state, actor)
    else if (!proof.nonce) checkInitial(state.id, newest, bytesOf(newest.hash))
    if (!rules.mayWrite(proof.author)) {
      throw new SyncError('ERR_NOT_ALLOWED', `author ${proof.author} may not write here`)
    }
    checked.push(proof)
  }
  assertRoom(state, checked.length)
  return checked
}

/** What an earlier proof has shown of an actor is not derived again. */
function isRight(state: DocumentState, proof: ActorProof, database: string): boolean {
  const known = proof.nonce && state.authorOf(proof.actor)
  const isKnown = known?.nonce === proof.nonce && known?.author === proof.author
  if (isKnown) return isSignedByAuthor(proof, { database, documentId: state.id })
  return isProven(proof, database, state.id)
}

/** Proofs are written together with the changes that they prove. */
function assertRoom({ unwrittenProofs }: DocumentState, added: number): void {
  const waiting = unwrittenProofs + added
  if (waiting <= MAX_UNWRITTEN_PROOFS) return
  throw new SyncError('ERR_SYNC_LIMIT', `${waiting} proofs of one document wait to be written`)
}

/** Checks that each of these actors has a proof, signed by an author who may write. For which change it is {@link checkNewest} tells. */
export function checkProofs(
  { state, proofs, rules }: UnprovenBatch,
  spans: readonly ActorSpan[],
): void {
  assertRoom(state, spans.length)
  for (const { actor } of spans) {
    const proof = proofs.get(actor)
    if (!proof || !isProven(proof, rules.database, state.id)) {
      throw unproven(`the newest change of actor ${actor} is not signed`)
    }
    if (proof.isAdmitted) checkAdmitted(state, actor)
    if (!rules.mayWrite(proof.author)) {
      throw new SyncError('ERR_NOT_ALLOWED', `author ${proof.author} may not write here`)
    }
  }
}

/** Checks that the proofs of these actors stand for their last changes in `doc`, and initial values for what they write. */
export function checkNewest(
  { state, proofs }: UnprovenBatch,
  doc: AnyDocument,
  spans: readonly ActorSpan[],
): ActorProof[] {
  const backend = Automerge.getBackend(doc)
  return spans.map(({ actor, lastSeq }) => {
    const proof = proofs.get(actor)
    const change = proof && backend.getChangeMetaByHash(proof.hash)
    if (!change || change.actor !== actor || change.seq !== lastSeq) {
      throw unproven(`the newest change of actor ${actor} is not signed`)
    }
    if (!proof.nonce && !proof.isAdmitted) {
      checkInitial(state.id, change, backend.getChangeByHash(proof.hash) ?? undefined)
    }
    return proof
  })
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

/** The error for what its author has not signed. */
export function unproven(message: string): SyncError {
  return new SyncError('ERR_AUTHORSHIP_INVALID', message)
}
