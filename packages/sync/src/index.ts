/**
 * The Automerge sync engine: documents under paths, stored durably, authored by
 * signature, exchanged between peers.
 *
 * Begin with {@link openDatabase}. What peers say to each other stands byte by byte in
 * docs/wire-formats/sync.md, catalogue.md and authorship.md. The first names below are
 * Automerge's own (automerge.org/automerge/api-docs/js): what edits of documents need.
 *
 * @packageDocumentation
 */
export {
  Counter,
  deleteAt,
  getConflicts,
  ImmutableString,
  insertAt,
  splice,
  updateText,
} from '@automerge/automerge'
export { isBlobReference, type BlobReference } from './blob-values.ts'
export { resolveConflict } from './conflicts.ts'
export { documentIdToUrl, parseDocumentUrl } from './document-id.ts'
export { isSyncError, SyncError, type SyncErrorCode } from './errors.ts'
export type { ForeignSync, ForeignSyncOptions } from './foreign-sync.ts'
export * from './limits.ts'
export { openDatabase, type DatabaseInit } from './open-database.ts'
export type { OperationsOptions, OperationsReport, SyncOperation } from './operations.ts'
export type { Conflict, ConflictingValue, ConflictResolver, HistoryEntry } from './people-types.ts'
export { collectionOf, parsePath } from './paths.ts'
export type { Policy, PolicyAction } from './replica.ts'
export type { ChangeOrigin } from './replica-effects.ts'
export type {
  BlobReferences,
  CatalogueEntry,
  CompactOptions,
  Database,
  DatabaseEvents,
  DeletedEntry,
  DocumentChange,
  DocumentHandle,
  DocumentSyncStatus,
  ImportReport,
  EarlierEpoch,
  PeerSyncStatus,
  RemoveOptions,
  SyncedOptions,
  SyncProgress,
  SyncStatus,
  SyncSummary,
} from './sync-types.ts'
export { isSame, writeDifference } from './value-difference.ts'
