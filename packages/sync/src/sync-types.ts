import type { Durability } from '@vudo/storage'
import type { Doc, Prop } from '@automerge/automerge'
import type { EventHub } from '@vudo/events'
import type { AbortOptions, PeerId } from '@vudo/transport'
import type { SyncErrorCode } from './errors.ts'
import type { ForeignSync, ForeignSyncOptions } from './foreign-sync.ts'
import type { OperationsOptions, OperationsReport, SyncOperation } from './operations.ts'
import type { Conflict, HistoryEntry } from './people-types.ts'
import type { ChangeOrigin } from './replica-effects.ts'
import type { PolicyAction } from './replica.ts'

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

/** A path whose document was deleted. */
export interface DeletedEntry extends CatalogueEntry {
  /**
   * What is still here of it. `gone`: nothing. `covered`: what the deletion covers; it goes
   * when all known peers have stored the deletion. `edited`: also edits that whoever deleted
   * it did not know; it stays, `restore` brings it back. `unknown`: the deletion names edits
   * that are not here, so that nobody can tell; it stays.
   */
  readonly content: 'gone' | 'covered' | 'edited' | 'unknown'
}

/** How a document goes. */
export interface RemoveOptions {
  /** Its bytes go from this device without waiting for others. @defaultValue false */
  readonly force?: boolean | undefined
}

/** How a new epoch of a document begins. */
export interface CompactOptions {
  /** The history is what goes: there is nothing else to compact. */
  readonly dropHistory: true
  /** The old bytes go from this device without waiting for others. @defaultValue false */
  readonly force?: boolean | undefined
}

/** A document that lay under a path before, and is still here. */
export interface EarlierEpoch extends CatalogueEntry {
  /** As that of a {@link DeletedEntry}: `edited` has edits that the present document does not hold. */
  readonly content: 'covered' | 'edited' | 'unknown'
  /** What it holds; belongs to the caller. */
  readonly value: unknown
}

/** What came in with a file. */
export interface ImportReport {
  /** Records of paths that were taken, known ones included. */
  readonly records: number
  /** Documents of which something was new. */
  readonly changed: number
  /** Documents that were not taken: `automerge:` URLs, and why. */
  readonly refused: readonly { readonly documentId: string; readonly reason: string }[]
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
  /** Bytes given to the peer's channel that it has not taken yet. */
  readonly pendingBytes: number
}

/** How far the work that is under way has come, counted in documents and records. */
export interface SyncProgress {
  readonly done: number
  readonly total: number
  /** A guess by the pace until now; `undefined` before anything is done. */
  readonly remainingMs: number | undefined
}

/** Where this device stands, in one look. */
export interface SyncSummary extends SyncStatus {
  /** True while something is being exchanged, or waits for a peer to be exchanged with. */
  readonly isActive: boolean
  /** The outbox: changed documents that no peer is known to have stored, or that a connected one lacks. It survives restarts, because the documents themselves are it. */
  readonly pendingOperations: number
  /** `undefined` when nothing is to be done. */
  readonly progress: SyncProgress | undefined
  /** What `whenSaved` means here. `strict`: it is on the disk. `relaxed`, as in every browser: the platform has it, and a power cut may cost the last writes. */
  readonly durability: Durability
}

/** Where one document stands. */
export interface DocumentSyncStatus {
  /** `local`: no peer is known to have it as it is here. `behind`: a peer has announced more. `stored`: at least one peer has stored exactly this. */
  readonly state: 'local' | 'behind' | 'stored'
  /** Sorted; at most 512. */
  readonly heads: readonly string[]
  /** Peers that have stored exactly this. */
  readonly storedBy: readonly PeerId[]
  /** Connected peers that announced something of it that is not here yet. */
  readonly behindPeers: readonly PeerId[]
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
  /** A document was deleted by somebody who did not know all edits of it that are here. It stays on this device until `restore`, `forget`, or another `remove`. */
  'document:deleted-with-edits': {
    readonly path: string
    readonly documentId: string
    readonly origin: ChangeOrigin
  }
  /** A peer has something to say to those who have the document open: see `broadcast` of a handle. */
  'document:broadcast': {
    readonly path: string
    readonly documentId: string
    /** Proven by the session. */
    readonly peerId: PeerId
    /** Whom the peer acts for, by a certificate; `undefined` when it has shown none. */
    readonly author: string | undefined
    /** At most 16 KiB; shared by all listeners. */
    readonly content: Uint8Array
  }
  /** The disk has no room: edits throw `ERR_STORAGE_FULL`, peers wait, what was acknowledged is safe. */
  'storage:full': Readonly<Record<string, never>>
  /** There is room again: everything that waited is stored, and sync goes on. */
  'storage:writable': Readonly<Record<string, never>>
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
  /** Only where a worker has the engine: edits that this thread made were not taken, and the document is again what the worker has. */
  'document:edits-refused': {
    readonly path: string
    readonly documentId: string
    /** As {@link DocumentHandle.change} throws it where the engine is. */
    readonly code: string | undefined
    readonly message: string
    /** How many changes are gone. */
    readonly changes: number
  }
  /** Only where a worker has the engine: the worker has ended without being asked. Every call fails with `ERR_WORKER_ENDED`, edits that were not stored are gone. */
  'worker:ended': { readonly message: string }
  /** Something is allowed and probably a mistake, a document stops merging with a peer because it would be too large, or costly documents wait because the browser cannot start the worker that opens them. `path` is empty where it is about none. */
  warning: { readonly path: string; readonly message: string }
  /** No document on this device names the blob any more. Told after {@link Database.blobReferences} was called for the first time; a crash may swallow it. */
  'blob:unreferenced': { readonly hash: string }
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
  /**
   * The version vector: how many changes of each actor the document holds. An actor is one run of
   * one author's program. What a document with at least these numbers holds, includes this one.
   *
   * @throws `SyncError` `ERR_HANDLE_CLOSED`.
   */
  readonly versionVector: ReadonlyMap<string, number>
  /** How many peers are known to have stored exactly this state. */
  readonly storedBy: number
  /**
   * Edits the content, at once; it is on its way to peers and disk when the call returns.
   *
   * @param edit - Assigns, pushes and deletes as with plain objects, and is not async. What it throws leaves everything as it was.
   * @throws `SyncError` `ERR_NOT_ALLOWED`, `ERR_DOCUMENT_DELETED`, `ERR_DOCUMENT_TOO_LARGE`, `ERR_VALUE_UNSUPPORTED`, `ERR_EDIT_ASYNC`, `ERR_HANDLE_CLOSED`, `ERR_SYNC_STORE`.
   */
  change(edit: (doc: T) => void, options?: { readonly message?: string | undefined }): void
  /** The changes of the document, newest first: at most `limit` (100; up to 10,000). @throws `SyncError` `ERR_HANDLE_CLOSED`. */
  history(options?: { readonly limit?: number | undefined }): readonly HistoryEntry[]
  /** What the document held at these heads: hashes of {@link history}, or former {@link DocumentHandle.heads}. A copy that belongs to the caller. @throws `SyncError` `ERR_HISTORY_UNKNOWN`, `ERR_HANDLE_CLOSED`. */
  view(heads: readonly string[]): T
  /**
   * Takes back the newest change made through this handle, or any change of this author by its
   * hash. What others did stays: a key that was written since is left alone, texts and lists
   * keep what others put there.
   *
   * @returns false when there is nothing to take back.
   * @throws `SyncError` `ERR_HISTORY_UNKNOWN` for a change of somebody else, and as {@link change}.
   */
  undo(hash?: string): boolean
  /** Makes what was last taken back again; an edit ends that. @returns false when there is nothing. @throws `SyncError` as {@link undo}. */
  redo(): boolean
  /**
   * The values that authors wrote at one place without knowing of each other; `undefined` when
   * there is no conflict. `resolveConflict` takes one of them.
   *
   * @param place - Keys and indexes from the root: `conflict('address', 'city')`.
   * @throws `SyncError` `ERR_HANDLE_CLOSED`.
   */
  conflict(...place: readonly Prop[]): Conflict | undefined
  /**
   * Tells something to every connected peer that may read the document, and no further: a
   * cursor, who is here. It is not stored, and may be lost. Peers get it as the event
   * `document:broadcast`, once.
   *
   * @param content - At most 16 KiB, at most 100 times in a second. It is copied.
   * @returns How many peers it was handed to.
   * @throws `SyncError` `ERR_SYNC_LIMIT`, `ERR_HANDLE_CLOSED`.
   */
  broadcast(content: Uint8Array): number
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
  /**
   * Begins Automerge's own sync protocol with one peer that knows no other, for as long
   * as the connection to it lives. Its changes enter under this device's author.
   *
   * @throws `SyncError` `ERR_HANDLE_CLOSED`.
   */
  foreignSync(options?: ForeignSyncOptions): ForeignSync
  /** Lets go of the document; it stays stored and shared. Idempotent. Settles when everything is saved. @throws `SyncError` `ERR_SYNC_STORE`. */
  close(): Promise<void>
}

/** What {@link Database.blobReferences} gives. */
export interface BlobReferences {
  /** `automerge:` URLs of the documents that name a blob, by its hash. */
  readonly documentsByHash: ReadonlyMap<string, readonly string[]>
  /** Documents that name more than 4,096 blobs: these are not all of theirs. `isBlobReferenced` finds the others, and no blob is told to be unreferenced. */
  readonly incomplete: readonly string[]
}

/** All documents of one database on this device. */
export interface Database extends AsyncDisposable {
  /** As it was opened. */
  readonly id: string
  /** What happens, by name. Ends with the database. */
  readonly events: EventHub<DatabaseEvents>
  /** Where this device stands now; made anew at each look. */
  readonly status: SyncStatus
  /** {@link status}, and in numbers what is left to do. */
  getSyncStatus(): SyncSummary
  /** Where the document under a path stands; `undefined` when none lies there. Nothing is opened. @throws `SyncError` `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`. */
  documentStatus(path: string): DocumentSyncStatus | undefined
  /**
   * Applies operations of a graph as changes of documents; settles when they are durable. What
   * is wrong with one stops no other. From then on they are synced as everything is.
   *
   * @throws `RangeError` for `maxBatchSize`; `SyncError` `ERR_SYNC_LIMIT` above 1,000,000, `ERR_STORAGE_FULL`,
   *   `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`; the signal's reason.
   */
  addOperations(
    operations: readonly SyncOperation[],
    options?: OperationsOptions,
  ): Promise<OperationsReport>
  /** As {@link syncWith} for everything. */
  syncWithPeer(peerId: PeerId, options?: AbortOptions): Promise<SyncStatus>
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
  /**
   * Opens the document with this `automerge:` URL, wherever it lies; `undefined` when it never
   * lay under a path, or the text is no such URL.
   *
   * @returns A handle that belongs to the caller: close it.
   * @throws `SyncError` `ERR_DOCUMENT_DELETED`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`; the signal's reason.
   */
  openById<T extends object>(
    documentId: string,
    options?: AbortOptions,
  ): Promise<DocumentHandle<T> | undefined>
  /**
   * Tells whether the policy lets an author do that with a document, under the paths that govern it.
   *
   * @param author - 64 characters of hex, or an empty text for somebody who has shown none.
   * @param documentId - An `automerge:` URL; of no document here nothing is allowed.
   * @throws `SyncError` `ERR_DATABASE_CLOSED`.
   */
  mayAccess(author: string, action: PolicyAction, documentId: string): boolean
  /**
   * A copy of a document's content that belongs to the caller, or `undefined` when there is none:
   * nothing lies under the path, or nothing of what another author began there has come yet.
   *
   * @throws `SyncError` `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`.
   */
  readDoc<T extends object>(path: string): Promise<T | undefined>
  /**
   * Makes a document's content equal to `value` by the smallest edits, and begins it
   * when there is none; settles when it is durable.
   *
   * @throws `SyncError` as {@link open}.
   */
  writeDoc(path: string, value: unknown): Promise<void>
  /**
   * Deletes the document under `path`, for everybody who learns of it, as far as it is known
   * here; settles when that is durable. Nothing happens when there is none. Called again it
   * covers edits that came since. Its bytes go from this device when every known peer has
   * stored the deletion.
   *
   * @param options - With `force` the bytes go at once.
   * @throws `SyncError` `ERR_PATH_INVALID`, `ERR_NOT_ALLOWED`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`.
   */
  remove(path: string, options?: RemoveOptions): Promise<void>
  /** The deletions under `prefix` (a path; all without one), ordered by path, and what is here of each; their documents are opened for it. @throws `SyncError` `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`. */
  deleted(prefix?: string): Promise<readonly DeletedEntry[]>
  /** Puts a deleted document back under its path, with everything of it that is here; settles when that is durable. @throws `SyncError` as {@link remove}, and `ERR_DOCUMENT_NOT_FOUND` when nothing of it is here. */
  restore(path: string): Promise<void>
  /**
   * Takes the bytes of a document from this device only; settles when they are gone. Nobody is
   * told, and others keep it. `readDoc` then gives `undefined`; `open` fetches it again.
   *
   * @param options - With `force` also when no other device is known to have all of it.
   * @throws `SyncError` `ERR_DOCUMENT_ONLY_HERE`, `ERR_DOCUMENT_IN_USE`, `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`.
   */
  forget(path: string, options?: RemoveOptions): Promise<void>
  /**
   * Begins a new epoch of a document: the same content under a new id, without its history;
   * settles when that is durable. Open handles have to be opened again. What others do to the
   * old epoch meanwhile goes on into the new one. The old bytes go when every known peer has
   * stored the new epoch; edits that come after that are kept, told as `document:quarantined`,
   * and listed by {@link epochs}.
   *
   * @throws `SyncError` `ERR_DOCUMENT_NOT_FOUND`, `ERR_NOT_ALLOWED` without the rights to write and to
   *   delete, `ERR_VALUE_UNSUPPORTED` for a text with marks or blocks, and as {@link remove}.
   */
  compact(path: string, options: CompactOptions): Promise<void>
  /** Documents that lay under a path before, as far as they are still here, newest first; opened for it. @throws `SyncError` `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`. */
  epochs(path: string): Promise<readonly EarlierEpoch[]>
  /**
   * The documents under a prefix with their history, their deletions and their signatures, as one
   * file for `importSpace`; docs/wire-formats/space-file.md has its layout. All of them are read
   * for it, one after the other.
   *
   * @throws `SyncError` `ERR_SYNC_LIMIT` above 256 MiB, `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`.
   */
  exportSpace(prefix?: string): Promise<Uint8Array>
  /**
   * Takes in what a file holds, as if a peer had brought it: what is here is merged, and
   * signatures and the policy decide. Settles when it is durable. The caller keeps the bytes.
   *
   * @throws `SyncError` `ERR_SPACE_FILE_INVALID`: then nothing was taken; `ERR_SYNC_LIMIT`, `ERR_STORAGE_FULL`, `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`.
   */
  importSpace(bytes: Uint8Array): Promise<ImportReport>
  /**
   * Which blobs the documents on this device name: live ones, deleted ones that can be restored, and
   * earlier epochs whose bytes are still here. A blob store keeps those. A document names a blob by
   * a `BlobReference` anywhere in its content, values in conflict included; not by its history.
   *
   * The first call looks into every document that has changed since it was last looked into, and
   * opens those whose history writes the key `$blob`. From then on changed documents are looked
   * into after each write, and `blob:unreferenced` is told.
   *
   * @throws `SyncError` `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`.
   */
  blobReferences(): Promise<BlobReferences>
  /**
   * Tells whether any document on this device names a blob, as {@link blobReferences} counts it.
   *
   * @param hash - 64 characters of hex in lower case.
   * @throws `RangeError` for another text; `SyncError` as {@link blobReferences}.
   */
  isBlobReferenced(hash: string): Promise<boolean>
  /** A device will not come back: deleted bytes wait for it no more. It is a known one again when it is met again. @throws `SyncError` `ERR_DATABASE_CLOSED`, `ERR_SYNC_STORE`. */
  forgetPeer(peerId: PeerId): Promise<void>
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
