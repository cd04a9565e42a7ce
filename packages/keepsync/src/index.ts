/**
 * The names of keepsync over our paths: a tree of documents, listeners, and stores of zustand
 * that are the same on all devices.
 *
 * @packageDocumentation
 */
export { listenToDoc, type DocChange } from './doc-listener.ts'
export { isKeepsyncError, KeepsyncError, type KeepsyncErrorCode } from './errors.ts'
export { ls, mkDir, readDoc, rm, writeDoc } from './file-tree.ts'
export * from './limits.ts'
export { DIRECTORY_MARK, type DirNode, type DocNode, type FileNode, type RefNode } from './nodes.ts'
export {
  configureSyncEngine,
  getSyncEngine,
  resetSyncEngine,
  type SyncEngine,
  type SyncEngineOptions,
} from './sync-engine.ts'
export { sync, type SyncOptions } from './zustand-sync.ts'
