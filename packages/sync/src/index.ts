/**
 * The Automerge sync engine: documents under paths, stored durably, authored by
 * signature, exchanged between peers.
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
export { documentIdToUrl, parseDocumentUrl } from './document-id.ts'
export { isSyncError, SyncError, type SyncErrorCode } from './errors.ts'
export * from './limits.ts'
export { openDatabase, type DatabaseInit } from './open-database.ts'
export { collectionOf, parsePath } from './paths.ts'
export type { Policy, PolicyAction } from './replica.ts'
export type { ChangeOrigin } from './replica-effects.ts'
export type {
  CatalogueEntry,
  Database,
  DatabaseEvents,
  DocumentChange,
  DocumentHandle,
  PeerSyncStatus,
  SyncedOptions,
  SyncStatus,
} from './sync-types.ts'
