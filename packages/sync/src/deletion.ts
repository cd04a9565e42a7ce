import type { CatalogueRecord } from './catalogue-record.ts'
import { isAckOf } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { SyncError } from './errors.ts'
import { assertMay, followerOf, removePath, signHere } from './local-edits.ts'
import { isUnder } from './paths.ts'
import type { Replica } from './replica.ts'
import type { RetiredContent } from './retired-documents.ts'

/* What the application does with documents that are deleted, or should be. */

/** What lies under the path of a deleted document: `gone`, or why it is still here. */
export type DeletedContent = RetiredContent | 'gone'

/**
 * Deletes the document under `path`, for everybody who learns of it.
 *
 * @param force - Its bytes go from this disk without waiting until all known peers have stored the deletion.
 * @throws `SyncError` `ERR_NOT_ALLOWED`.
 */
export function deletePath(replica: Replica, path: string, force: boolean): void {
  removePath(replica, path)
  const winner = replica.catalogue.winner(path)
  if (force && winner?.state === 'deleted') replica.retired.force(winner.documentId)
}

/** The deletions that count under a prefix, ordered by path. */
export function deletionsUnder(replica: Replica, prefix: string): readonly CatalogueRecord[] {
  return replica.catalogue
    .winners()
    .filter(({ state, path }) => state === 'deleted' && isUnder(path, prefix))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** Looks what is here of a deleted document. It is opened for it. */
export function lookAtDeleted(
  replica: Replica,
  { documentId }: CatalogueRecord,
  task: (content: DeletedContent) => void,
): void {
  const state = replica.knownDocument(documentId)
  if (!state || state.heads.length === 0) return task('gone')
  // It was renamed, and lies elsewhere: here nothing is left of it.
  if (replica.catalogue.isLive(documentId)) return task('gone')
  replica.retired.contentOf(state, task)
}

/**
 * Puts the document that was deleted under `path` there again, as far as it is here.
 *
 * @throws `SyncError` `ERR_NOT_ALLOWED`, `ERR_DOCUMENT_NOT_FOUND`.
 */
export function restorePath(replica: Replica, path: string): void {
  replica.assertWorking()
  const winner = replica.catalogue.winner(path)
  if (winner?.state === 'live') return
  const state = winner && replica.knownDocument(winner.documentId)
  if (!winner || !state || state.heads.length === 0) {
    throw new SyncError('ERR_DOCUMENT_NOT_FOUND', `nothing deleted under ${path} is still here`, {
      hint: 'ask a device that was away when it was deleted; deleted() says what is here',
    })
  }
  assertMay(replica, 'write', path)
  signHere(replica, followerOf(winner, { documentId: winner.documentId, state: 'live' }))
}

/** What the application says when it lets this device forget a document. */
export interface Forgetting {
  /** Also when no other device is known to have all of it. */
  readonly force: boolean
  readonly onForgotten: () => void
  readonly onRefused: (error: unknown) => void
}

/** Takes the bytes of a document from this device, and does not take them from peers again. Nobody is told. */
export function forgetPath(replica: Replica, path: string, forgetting: Forgetting): void {
  replica.assertWorking()
  const state = replica.knownDocument(replica.catalogue.winner(path)?.documentId ?? '')
  if (!state || state.heads.length === 0) return forgetting.onForgotten()
  replica.whenDurable(() => forgetDurable(replica, state, { path, ...forgetting }))
}

function forgetDurable(
  replica: Replica,
  state: DocumentState,
  { path, force, onForgotten, onRefused }: Forgetting & { readonly path: string },
): void {
  if (!force && !state.ackByPeer.some((ack) => isAckOf(ack, state.heads))) {
    const message = `no other device is known to have all of ${path}`
    const hint = 'wait until handle.whenSynced() settles, or give force: true'
    return onRefused(new SyncError('ERR_DOCUMENT_ONLY_HERE', message, { hint }))
  }
  replica.withDocument(state, () => {
    if (!state.isAtRest) {
      const hint = 'close its handles, and try again'
      return onRefused(new SyncError('ERR_DOCUMENT_IN_USE', `${path} is in use`, { hint }))
    }
    replica.retired.forget(state)
    onForgotten()
  })
}
