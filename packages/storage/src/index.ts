/**
 * Durable, checksummed key-value storage on abstract-level: atomic batches, one owner, nothing acknowledged is lost.
 *
 * @packageDocumentation
 */
export { createFakeDisk, type FakeDisk } from './fake-disk.ts'
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
