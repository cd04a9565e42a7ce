import * as Automerge from '@automerge/automerge'
import type { Asking } from './asking.ts'

/* What is read of documents without a handle. */

/**
 * A copy of the content of the document under a canonical path; `undefined` when none is here.
 *
 * The record of a path travels before the document: until that has come, an empty object
 * would be taken for its content, and a value written for it would stand against it.
 */
export function readDocument(asking: Asking, path: string): Promise<object | undefined> {
  return asking.answered<object | undefined>((replica, resolve) => {
    replica.assertWorking()
    const record = replica.catalogue.winner(path)
    if (record?.state !== 'live') return resolve(undefined)
    if (replica.retired.isForgotten(record.documentId)) return resolve(undefined)
    const state = replica.document(record.documentId)
    const isOwn = record.author === replica.init.author.authorId
    replica.withDocument(state, () => {
      const isHere = isOwn || state.heads.length > 0
      resolve(isHere ? Automerge.toJS(state.open) : undefined)
    })
  })
}

/** Tells whether all of `heads` are in the history of a document here. */
export function hasDocumentHeads(
  asking: Asking,
  id: string,
  heads: readonly string[],
): Promise<boolean> {
  return asking.answered<boolean>((replica, resolve) => {
    replica.assertWorking()
    const state = replica.knownDocument(id)
    const isNewest = heads.every((head) => state?.heads.includes(head))
    // What has no change at all has no history to look into.
    if (state === undefined || state.heads.length === 0 || isNewest) return resolve(isNewest)
    replica.withDocument(state, () => resolve(state.has(heads)))
  })
}
