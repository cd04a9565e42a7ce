import type { ByteReader, ByteWriter } from '@vudo/wire'
import { readLeanProof, writeLeanProof, type ActorProof, type LeanProof } from './authorship.ts'
import type { ChangeHeader } from './automerge-chunks.ts'
import { unproven } from './batch-authors.ts'
import type { DocumentState } from './document-state.ts'
import { MAX_ACTORS } from './limits.ts'

/*
 * Proofs beside the changes that they prove: of each actor, in the order in which the actors
 * first appear, what the changes do not tell. Who has earlier changes of an actor has its
 * author and nonce as well, so that most often a signature is left.
 */

type Change = Pick<ChangeHeader, 'hash' | 'actor' | 'seq'>

/** The lean proofs of these changes; `undefined` when an actor has none that fits. The receiver must have all earlier changes. */
export function leanProofsOf(
  state: DocumentState,
  changes: readonly Change[],
): readonly LeanProof[] | undefined {
  const newest = newestByActor(changes)
  const firsts = new Map(changes.toReversed().map(({ actor, seq }) => [actor, seq]))
  const lean: LeanProof[] = []
  for (const proof of state.proofsOf(newest.keys())) {
    const { actor, author, nonce, isImage, isAdmitted, hash, signature } = proof
    if (newest.get(actor)?.hash !== hash) return undefined
    // Images of one actor can have several authors, and admitted changes as well.
    const isKnown = (firsts.get(actor) ?? 1) > 1 && nonce !== undefined && !isImage
    lean.push(isKnown ? { signature } : { by: { author, nonce, isImage, isAdmitted }, signature })
  }
  return lean.length === newest.size ? lean : undefined
}

/**
 * The whole proofs of the actors of some of these changes.
 *
 * @param changes - All that came with the lean proofs, each after those that it builds on.
 * @param fresh - Those of them that are not here yet.
 * @returns `undefined` when the author of an actor is not known here.
 * @throws `SyncError` `ERR_AUTHORSHIP_INVALID` when there are more or fewer proofs than actors.
 */
export function wholeProofs(
  state: DocumentState,
  lean: readonly LeanProof[],
  { changes, fresh }: { readonly changes: readonly Change[]; readonly fresh: readonly Change[] },
): ReadonlyMap<string, ActorProof> | undefined {
  const newest = newestByActor(changes)
  if (newest.size !== lean.length) {
    throw unproven(`${lean.length} proofs came with changes of ${newest.size} actors`)
  }
  const wanted = new Set(fresh.map(({ actor }) => actor))
  const proofs = new Map<string, ActorProof>()
  for (const [place, { actor, hash }] of [...newest.values()].entries()) {
    const proof = lean[place]
    if (!proof || !wanted.has(actor)) continue
    const by = proof.by ?? state.authorOf(actor)
    if (!by) return undefined
    proofs.set(actor, { ...by, actor, hash, signature: proof.signature })
  }
  return proofs
}

/** In the order in which the actors first appear. */
function newestByActor(changes: readonly Change[]): ReadonlyMap<string, Change> {
  return new Map(changes.map((change) => [change.actor, change]))
}

/** Writes how many there are, and each. */
export function writeLeanProofs(writer: ByteWriter, proofs: readonly LeanProof[]): void {
  writer.varint(proofs.length)
  for (const proof of proofs) writeLeanProof(writer, proof)
}

/** Reads them; nothing in them is checked yet. @throws `WireError` `ERR_DECODE`. */
export function readLeanProofs(reader: ByteReader): readonly LeanProof[] {
  const count = reader.varint(MAX_ACTORS)
  const proofs: LeanProof[] = []
  // Grows with what is really there: a count alone reserves nothing.
  for (let index = 0; index < count; index++) proofs.push(readLeanProof(reader))
  return proofs
}
