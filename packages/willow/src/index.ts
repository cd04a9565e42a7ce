/**
 * Willow'25: entries whose writing, reading and erasing is granted by capabilities, stored,
 * synced peer to peer, and erased so that others follow. `openWillow()` is for everybody; the
 * store, the reconciliation and the formats below are for those who want them.
 *
 * @packageDocumentation
 */
export { openWillow, type WillowInit } from './facade/open-willow.ts'
export type { WillowStorage } from './facade/places.ts'
export type { KnownDevice } from './facade/device-book.ts'
export type {
  Confirmed,
  ConfirmedOptions,
  ErasureReceipt,
  ErasureReport,
} from './facade/receipt.ts'
export type { SharingOptions } from './facade/sharing.ts'
export type { IdLike, PathLike } from './facade/text-forms.ts'
export type {
  EntryInfo,
  EraseOptions,
  GrantInit,
  ListOptions,
  NamespaceOptions,
  Willow,
  WillowEvents,
} from './facade/willow.ts'
export { createPooledVerifier, type PooledVerifierInit } from './verify/pooled-verifier.ts'
export {
  createWilliam3,
  william3,
  type William3Hasher,
  type William3Options,
} from './william3/william3.ts'
export { isWillowError, WillowError, type WillowErrorCode } from './errors.ts'
export * from './limits.ts'
export type { WriteVerifier } from './store/write-check.ts'
export { openMemoryWillowStore, type WillowStoreInit } from './store/memory-store.ts'
export type * from './store/store.ts'
export {
  createVerifyPool,
  sharedVerifyPool,
  type VerifyPool,
  type VerifyPoolInit,
} from './verify/verify-pool.ts'
export {
  openPersistentWillowStore,
  type PersistentWillowStoreInit,
} from './store/persistent-store.ts'
export { openPayloadVault } from './payloads/payload-vault.ts'
export { erase, type EraseInit, type Erasure } from './erasure/erase.ts'
export {
  openErasureLog,
  type ErasureConfirmation,
  type ErasureLog,
  type ErasureNote,
  type ErasureRecord,
} from './erasure/erasure-log.ts'
export { createMemoryVault } from './payloads/memory-vault.ts'
export type { PayloadVaultInit } from './payloads/payload-vault.ts'
export type { PayloadId, PayloadVault } from './payloads/vault.ts'
export {
  createReconciliation,
  type Reconciler,
  type ReconciliationInit,
} from './reconcile/reconciliation.ts'
export type { SplitSettings } from './reconcile/split-policy.ts'
export type { EntryReader, EntryWriter, ReceivedEntry } from './reconcile/entry-stream.ts'
export type * from './reconcile/reconcile-effects.ts'
export { createStoreRequests, type StoreAnswering } from './reconcile/store-requests.ts'
export {
  createWillowSync,
  willowDatabaseId,
  type SeenPeer,
  type WillowSync,
  type WillowSyncEvents,
  type WillowSyncInit,
  type WillowSyncNetwork,
} from './sync/willow-sync.ts'
export { WILLOW_SYNC_PROTOCOL } from './sync/network-link.ts'
export { exportDrop, type ExportDropOptions } from './drop/export-drop.ts'
export {
  importDrop,
  type DropReport,
  type ImportDropOptions,
  type StoreOfNamespace,
} from './drop/import-drop.ts'
export type { DropInput } from './drop/drop-source.ts'
