import type { Doc } from '@automerge/automerge'
import type { EventHub } from '@vudo/events'
import type { AbortOptions, PeerId } from '@vudo/transport'
import type { SyncErrorCode } from './errors.ts'
import type { ChangeOrigin } from './replica-effects.ts'

/** A path and what lies there. */
export interface CatalogueEntry {
  readonly path: string
  /** The first segment of the path. */
  readonly collection: string
  /** An `automerge:` URL. */
  readonly documentId: string
  /** Counts how often the path was begun, deleted or replaced. */
  readonly generation: number
  readonly state: 'live' | 'deleted'
  /** Who put the document there: the hex of a public key. */
  readonly author: string
}

/** What happened to a document. */
export interface DocumentChange {
  readonly type: 'changed' | 'deleted'
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
  readonly peerId: PeerId
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
  readonly behind: number
  readonly peers: readonly PeerSyncStatus[]
  /** Bytes given to channels that these have not taken yet. */
  readonly pendingBytes: number
}

/** What counts as synced. */
export interface SyncedOptions extends AbortOptions {
  /** The id of a certain peer. @defaultValue `'any'` */
  readonly with?: string | undefined
  /** How many peers. @defaultValue 1 */
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
  /** Something is allowed and probably a mistake. */
  warning: { readonly path: string; readonly message: string }
  /** A peer sent what it must not. */
  'peer:fault': { readonly peerId: PeerId; readonly code: SyncErrorCode; readonly message: string }
}

/** An open document. Close it when nobody looks at it any more. */
export interface DocumentHandle<T extends object> extends AsyncDisposable {
  readonly path: string
  /** An `automerge:` URL. */
  readonly id: string
  /**
   * The content now: plain, read-only, another object after each change.
   *
   * @throws `SyncError` `ERR_HANDLE_CLOSED`.
   */
  readonly current: Doc<T>
  /** Hashes of the newest changes, as hex, sorted. */
  readonly heads: readonly string[]
  /**
   * How many changes the document holds, of all authors.
   *
   * @throws `SyncError` `ERR_HANDLE_CLOSED`.
   */
  readonly changeCount: number
  /** How many peers are known to have stored exactly this state. */
  readonly storedBy: number
  /**
   * Edits the content, at once; it is on its way to peers and disk when the call returns.
   *
   * @param edit - Assigns, pushes and deletes as with plain objects. What it throws leaves everything as it was.
   * @throws `SyncError` `ERR_NOT_ALLOWED`, `ERR_DOCUMENT_DELETED`, `ERR_DOCUMENT_TOO_LARGE`, `ERR_HANDLE_CLOSED`, `ERR_SYNC_STORE`.
   */
  change(edit: (doc: T) => void, options?: { readonly message?: string | undefined }): void
  /** Calls `listener` after each change of this document. @returns Takes it away again. */
  subscribe(listener: (change: DocumentChange) => void): () => void
  /** The changes of this document from now on. */
  changes(options?: AbortOptions): AsyncIterable<DocumentChange>
  /** Settles when everything until now survives a power cut. */
  whenSaved(): Promise<void>
  /** Settles when peers have confirmed the present content. */
  whenSynced(options?: SyncedOptions): Promise<void>
  /** Idempotent. Settles when everything is saved. */
  close(): Promise<void>
}

/** All documents of one database on this device. */
export interface Database extends AsyncDisposable {
  readonly id: string
  readonly events: EventHub<DatabaseEvents>
  readonly status: SyncStatus
  /** Settles when documents can be used and edits become durable. */
  whenReady(): Promise<void>
  /**
   * Opens the document under `path`, and begins it when there is none.
   *
   * @param initial - What a new document holds: put the containers here, so that two
   *   devices that begin it offline share them.
   * @throws `SyncError` `ERR_PATH_INVALID`, `ERR_NOT_ALLOWED`, `ERR_VALUE_UNSUPPORTED`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`.
   */
  open<T extends object>(
    path: string,
    initial?: T,
    options?: AbortOptions,
  ): Promise<DocumentHandle<T>>
  /** A copy of a document's content, or `undefined` when there is none. @throws `SyncError` `ERR_PATH_INVALID`. */
  readDoc<T extends object>(path: string): Promise<T | undefined>
  /**
   * Makes a document's content equal to `value` by the smallest edits, and begins it
   * when there is none; settles when it is durable.
   *
   * @throws `SyncError` as {@link open}.
   */
  writeDoc(path: string, value: unknown): Promise<void>
  /** Deletes the document under `path` for everybody; settles when that is durable. Nothing happens when there is none. */
  remove(path: string): Promise<void>
  /** Moves a document, with its history. @throws `SyncError` `ERR_DOCUMENT_NOT_FOUND`, `ERR_NOT_ALLOWED`. */
  rename(from: string, to: string): Promise<void>
  /** Puts a document known by its `automerge:` URL under a path. @throws `SyncError` `ERR_PATH_INVALID` for another text. */
  admit(path: string, documentId: string): Promise<void>
  /** The documents under `prefix`, ordered by path. */
  ls(prefix?: string): Promise<readonly CatalogueEntry[]>
  /** What happens to documents under `prefix` from now on. A reader who is too slow misses the oldest. */
  changes(prefix?: string, options?: AbortOptions): AsyncIterable<DocumentChange>
  /** Settles when peers have confirmed everything, and everything they announced is here. */
  whenSynced(options?: SyncedOptions): Promise<SyncStatus>
  /**
   * Compares everything with a connected peer from scratch, and settles when both have the same.
   *
   * @param path - Waits for this document only.
   * @throws `SyncError` `ERR_PEER_NOT_SYNCING`.
   */
  syncWith(peerId: PeerId, path?: string, options?: AbortOptions): Promise<SyncStatus>
  /** Saves, ends the channels and frees everything but the store, which stays the caller's. Idempotent. */
  close(): Promise<void>
}
