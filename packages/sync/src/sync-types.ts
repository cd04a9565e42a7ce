import type { Doc } from '@automerge/automerge'
import type { EventHub } from '@vudo/events'
import type { AbortOptions, PeerId } from '@vudo/transport'
import type { SyncErrorCode } from './errors.ts'
import type { ChangeOrigin } from './replica-effects.ts'

/** A path and what lies there. */
export interface CatalogueEntry {
  /** In canonical form, at most 1,024 bytes in UTF-8. */
  readonly path: string
  /** The first segment of the path. */
  readonly collection: string
  /** An `automerge:` URL. */
  readonly documentId: string
  /** Counts how often the path was begun, deleted or replaced. */
  readonly generation: number
  readonly state: 'live' | 'deleted'
  /** Who put the document there: a public key as 64 characters of hex. */
  readonly author: string
}

/** What happened to a document. */
export interface DocumentChange {
  /** Whether its content or its path began to be different, or it was taken away from the path. */
  readonly type: 'changed' | 'deleted'
  /** Where it lies, or lay. */
  readonly path: string
  readonly collection: string
  /** An `automerge:` URL. */
  readonly documentId: string
  /** The peer that the change came from, or `local`. */
  readonly origin: ChangeOrigin
  /** True when the path has begun to lead to this document. */
  readonly created: boolean
}

/** Where one peer and this device stand with each other. */
export interface PeerSyncStatus {
  /** 64 characters of hex. */
  readonly peerId: PeerId
  /** `connecting`: a channel is open and the peer has not said hello. `synced`: each holds durably what the other has, as far as both have told. */
  readonly state: 'connecting' | 'syncing' | 'synced'
  /** Changed things that the peer has not confirmed as stored; it may be one page more or less. */
  readonly ahead: number
  /** Documents that the peer has announced and that are not here yet. */
  readonly behind: number
}

/** Where this device stands. */
export interface SyncStatus {
  /** `synced`: with every connected peer. */
  readonly state: 'offline' | 'connecting' | 'syncing' | 'synced'
  /** The largest of the peers' numbers; offline, the documents that nobody is known to have stored. */
  readonly ahead: number
  /** The largest of the peers' numbers; 0 offline, as nobody knows. */
  readonly behind: number
  /** At most 256, in the order in which they came. */
  readonly peers: readonly PeerSyncStatus[]
  /** Bytes given to channels that these have not taken yet. */
  readonly pendingBytes: number
}

/** What counts as synced. */
export interface SyncedOptions extends AbortOptions {
  /** The id of a certain peer (64 characters of hex); then `quorum` does not count. @defaultValue `'any'` */
  readonly with?: string | undefined
  /** How many different peers, from 1 on. More than ever connect means to wait for ever: give a `signal`. @defaultValue 1 */
  readonly quorum?: number | undefined
  /**
   * `stored`: on the peer's disk. `received`: in its memory, which a document's
   * handle can tell sooner; for a whole database both mean stored.
   *
   * @defaultValue `'stored'`
   */
  readonly durability?: 'received' | 'stored' | undefined
}

/** What a database tells, by name. */
export interface DatabaseEvents {
  'document:changed': DocumentChange
  'document:deleted': DocumentChange
  /** The state, or what a peer's state is, has changed. */
  'sync:status': SyncStatus
  /** Numbers have changed. */
  'sync:progress': SyncStatus
  /** A document could not be taken from a peer, or read from the disk. What was here stays. */
  'document:quarantined': {
    readonly path: string | undefined
    readonly documentId: string
    readonly peerId: PeerId | undefined
    readonly reason: string
  }
  /** Something is allowed and probably a mistake, or a document stops merging with a peer because it would be too large. */
  warning: { readonly path: string; readonly message: string }
  /** A peer sent what it must not. */
  'peer:fault': { readonly peerId: PeerId; readonly code: SyncErrorCode; readonly message: string }
}

/** An open document. Close it when nobody looks at it any more. */
export interface DocumentHandle<T extends object> extends AsyncDisposable {
  /** Under which it was opened, in canonical form; a later rename does not change it. */
  readonly path: string
  /** An `automerge:` URL. */
  readonly id: string
  /**
   * The content now: plain, read-only (its own keys are frozen; edit with {@link change}), another object after each change.
   *
   * @throws `SyncError` `ERR_HANDLE_CLOSED`.
   */
  readonly current: Doc<T>
  /** Hashes of the newest changes, as 64 characters of hex each, sorted; at most 512. */
  readonly heads: readonly string[]
  /**
   * How many changes the document holds, of all authors: one for each key of `initial`,
   * one for each edit that changed something.
   *
   * @throws `SyncError` `ERR_HANDLE_CLOSED`.
   */
  readonly changeCount: number
  /** How many peers are known to have stored exactly this state. */
  readonly storedBy: number
  /**
   * Edits the content, at once; it is on its way to peers and disk when the call returns.
   *
   * @param edit - Assigns, pushes and deletes as with plain objects, and is not async. What it throws leaves everything as it was.
   * @throws `SyncError` `ERR_NOT_ALLOWED`, `ERR_DOCUMENT_DELETED`, `ERR_DOCUMENT_TOO_LARGE`, `ERR_VALUE_UNSUPPORTED`, `ERR_EDIT_ASYNC`, `ERR_HANDLE_CLOSED`, `ERR_SYNC_STORE`.
   */
  change(edit: (doc: T) => void, options?: { readonly message?: string | undefined }): void
  /** Calls `listener` after each change of this document, in the same turn; what it throws goes to nobody else. It must be quick. @returns Takes it away again. */
  subscribe(listener: (change: DocumentChange) => void): () => void
  /** The changes of this document from now on, until the loop is left, the signal is aborted or the database is closed. A reader more than 1,024 events behind misses the oldest. */
  changes(options?: AbortOptions): AsyncIterable<DocumentChange>
  /** Settles when everything until now survives a power cut. @throws `SyncError` `ERR_SYNC_STORE`, `ERR_DATABASE_CLOSED`. */
  whenSaved(): Promise<void>
  /**
   * Settles when peers have confirmed the content that the document has at the call;
   * later edits do not count. Without peers it waits for them.
   *
   * @throws `SyncError` `ERR_HANDLE_CLOSED`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`; the signal's reason.
   */
  whenSynced(options?: SyncedOptions): Promise<void>
  /** Lets go of the document; it stays stored and shared. Idempotent. Settles when everything is saved. @throws `SyncError` `ERR_SYNC_STORE`. */
  close(): Promise<void>
}

/** All documents of one database on this device. */
export interface Database extends AsyncDisposable {
  /** As it was opened. */
  readonly id: string
  /** What happens, by name. Ends with the database. */
  readonly events: EventHub<DatabaseEvents>
  /** Where this device stands now; made anew at each look. */
  readonly status: SyncStatus
  /** Settles when documents can be used and edits become durable. @throws `SyncError` `ERR_SYNC_STORE`, `ERR_DATABASE_CLOSED`. */
  whenReady(): Promise<void>
  /**
   * Opens the document under `path`, and begins it when there is none.
   *
   * @param path - As `parsePath` takes it.
   * @param initial - What a new document holds: put the containers here, so that two
   *   devices that begin it offline share them.
   * @returns A handle that belongs to the caller: close it.
   * @throws `SyncError` `ERR_PATH_INVALID`, `ERR_NOT_ALLOWED`, `ERR_VALUE_UNSUPPORTED`, `ERR_DOCUMENT_TOO_LARGE`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`; the signal's reason.
   */
  open<T extends object>(
    path: string,
    initial?: T,
    options?: AbortOptions,
  ): Promise<DocumentHandle<T>>
  /** A copy of a document's content that belongs to the caller, or `undefined` when there is none. @throws `SyncError` `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`. */
  readDoc<T extends object>(path: string): Promise<T | undefined>
  /**
   * Makes a document's content equal to `value` by the smallest edits, and begins it
   * when there is none; settles when it is durable.
   *
   * @throws `SyncError` as {@link open}.
   */
  writeDoc(path: string, value: unknown): Promise<void>
  /** Deletes the document under `path` for everybody; settles when that is durable. Nothing happens when there is none. @throws `SyncError` `ERR_PATH_INVALID`, `ERR_NOT_ALLOWED`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`. */
  remove(path: string): Promise<void>
  /** Moves a document, with its history; settles when that is durable. What lay under `to` is replaced. @throws `SyncError` as {@link remove}, and `ERR_DOCUMENT_NOT_FOUND`. */
  rename(from: string, to: string): Promise<void>
  /** Puts a document known by its `automerge:` URL under a path; settles when that is durable. Its content comes from peers that have it. @throws `SyncError` as {@link remove}; `ERR_PATH_INVALID` also for a text that is no such URL. */
  admit(path: string, documentId: string): Promise<void>
  /** The documents under `prefix` (a path; all without one), ordered by path in UTF-16 code units. @throws `SyncError` `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`. */
  ls(prefix?: string): Promise<readonly CatalogueEntry[]>
  /**
   * Hashes of a document's newest changes, without opening it: 64 characters of hex each,
   * sorted. Empty for one of which nothing is here.
   *
   * @param documentId - An `automerge:` URL.
   * @throws `SyncError` `ERR_PATH_INVALID` for a text that is no such URL, `ERR_DATABASE_CLOSED`.
   */
  headsOf(documentId: string): readonly string[]
  /**
   * Tells whether all of `heads` are in the history of a document here; opens it only when
   * that cannot be seen from outside.
   *
   * @throws `SyncError` as {@link headsOf}, `ERR_SYNC_STORE`.
   */
  hasHeads(documentId: string, heads: readonly string[]): Promise<boolean>
  /** What happens to documents under `prefix` (a path; all without one) from now on. A reader more than 1,024 events behind misses the oldest. @throws `SyncError` `ERR_PATH_INVALID`. */
  changes(prefix?: string, options?: AbortOptions): AsyncIterable<DocumentChange>
  /**
   * Settles when peers have confirmed everything as stored, and everything they announced is
   * stored here. Without peers it waits for them.
   *
   * @throws `SyncError` `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`; the signal's reason.
   */
  whenSynced(options?: SyncedOptions): Promise<SyncStatus>
  /**
   * Compares everything with a connected peer from scratch, and settles when both have the same.
   *
   * @param path - Waits for this document only.
   * @throws `SyncError` `ERR_PEER_NOT_SYNCING`, `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`; the signal's reason.
   */
  syncWith(peerId: PeerId, path?: string, options?: AbortOptions): Promise<SyncStatus>
  /** Saves, ends the channels and frees everything but the store, which stays the caller's. Idempotent. */
  close(): Promise<void>
}
