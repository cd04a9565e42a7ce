/**
 * Durable, checksummed key-value storage on LevelDB: atomic batches, one owner, nothing acknowledged is lost.
 *
 * @packageDocumentation
 */
export { writeFileAtomic, type AtomicFileOptions } from './atomic-file.ts'
export {
  changeStoreKey,
  copyStore,
  type ChangeStoreKeyInit,
  type CopiedStore,
} from './copy-store.ts'
export { isStoreError, StoreError, type StoreErrorCode } from './errors.ts'
export { createFakeDisk, type FakeDisk } from './fake-disk.ts'
export * from './limits.ts'
export { openMemoryStore, openStore, repairStore, type StoreInit } from './open-store.ts'
export { requestPersistence, type Persistence } from './persistence.ts'
export type { DamageReport } from './quarantine.ts'
export type { MemoryStoreInit } from './store-core.ts'
export type { StoreEncryption } from './store-format.ts'
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
