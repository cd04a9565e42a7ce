import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why the sync engine refuses. */
export type SyncErrorCode =
  /** The path is not one; the message says which part breaks which rule. */
  | 'ERR_PATH_INVALID'
  /** No document lies under the path, as far as this device knows. */
  | 'ERR_DOCUMENT_NOT_FOUND'
  /** The document under the path was deleted, here or by another device. Open the path again to begin a new one. */
  | 'ERR_DOCUMENT_DELETED'
  /** No other device is known to have all of the document: forgetting it here could lose it. Wait for `whenSynced`, or give `force`. */
  | 'ERR_DOCUMENT_ONLY_HERE'
  /** Somebody on this device has the document open, or works on it. Close its handles. */
  | 'ERR_DOCUMENT_IN_USE'
  /** With that edit the document would be larger than `MAX_DOCUMENT_BYTES`; nothing was changed. Split it. */
  | 'ERR_DOCUMENT_TOO_LARGE'
  /** The document has no such change, or it is not of this author. Take hashes from `history()`. */
  | 'ERR_HISTORY_UNKNOWN'
  /** The handle was closed. Open the path again. */
  | 'ERR_HANDLE_CLOSED'
  /** The database was closed while the call was waiting, or before it. */
  | 'ERR_DATABASE_CLOSED'
  /** The policy does not let this author do that. */
  | 'ERR_NOT_ALLOWED'
  /** A value that a document cannot hold; the message names it. */
  | 'ERR_VALUE_UNSUPPORTED'
  /** The function given to `change` is async: what it writes after its first `await` has no document to go to. Nothing was changed. Await first, then edit. */
  | 'ERR_EDIT_ASYNC'
  /** The store failed while writing. Nothing more is accepted; what was acknowledged is safe. */
  | 'ERR_SYNC_STORE'
  /** The disk, its quota or the store's `maxBytes` has no room. What was acknowledged is safe; edits work again when there is room. */
  | 'ERR_STORAGE_FULL'
  /** The bytes are no exported space, were damaged, or are of another database. Nothing was taken. */
  | 'ERR_SPACE_FILE_INVALID'
  /** A peer sent what the protocol does not allow. Its channel is ended. */
  | 'ERR_SYNC_PROTOCOL'
  /** Changes or a record came without the signature of their author. */
  | 'ERR_AUTHORSHIP_INVALID'
  /** There is no channel to that peer for this database. Connect to it first. */
  | 'ERR_PEER_NOT_SYNCING'
  /** The worker that has the database has ended, or its link was closed. What was stored is safe. Connect again. */
  | 'ERR_WORKER_ENDED'
  /** A worker has the database, and that can be asked only there. Ask the method that the hint names, or do it in the worker. */
  | 'ERR_ONLY_IN_WORKER'
  /** A limit is reached; the message names it. */
  | 'ERR_SYNC_LIMIT'

/** What the sync engine throws; tell cases apart by {@link SyncError.code}. */
export class SyncError extends VudoError {
  override readonly name = 'SyncError'
  declare readonly code: SyncErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: SyncErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether the sync engine threw `error`, whichever copy of the package made it: looked up by name, because `instanceof` fails between two copies. */
export function isSyncError(error: unknown): error is SyncError {
  return isVudoError(error) && error.name === 'SyncError'
}
