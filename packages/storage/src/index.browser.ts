/**
 * Durable, checksummed key-value storage on IndexedDB: atomic batches, one owner, whole writes or none.
 *
 * @packageDocumentation
 */
export { isStoreError, StoreError, type StoreErrorCode } from './errors.ts'
export * from './limits.ts'
export { openMemoryStore, openStore, type BrowserStoreInit } from './open-store.browser.ts'
export { requestPersistence, type Persistence } from './persistence.ts'
export type { DamageReport } from './quarantine.ts'
export type { MemoryStoreInit } from './store-core.ts'
export type {
  Durability,
  ScanOptions,
  ScanRange,
  Store,
  StoreEntry,
  StoreOperation,
  StoreView,
  WriteOperation,
} from './store.ts'
