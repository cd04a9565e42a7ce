/**
 * automerge-repo and this project together: its Repo over our sessions and in our store,
 * and its WebSocket dialect spoken by our documents.
 *
 * @packageDocumentation
 */
export { AutomergeRepoError, isAutomergeRepoError, type AutomergeRepoErrorCode } from './errors.ts'
export * from './limits.ts'
export { openNodeFsDirectory, type NodeFsDirectoryInit } from './nodefs-directory.ts'
export {
  createStorageAdapter,
  type StorageAdapterInit,
  type StorageEntry,
  type VudoStorageAdapter,
} from './storage-adapter.ts'
export {
  createNetworkAdapter,
  type NetworkAdapterInit,
  type VudoNetworkAdapter,
} from './network-adapter.ts'
export type { RepoPeerRights } from './repo-documents.ts'
export type { EphemeralMessage } from './repo-peer.ts'
export {
  createAutomergeRepoServer,
  REPO_PROTOCOL_VERSION,
  type AutomergeRepoEvents,
  type AutomergeRepoServer,
  type AutomergeRepoServerInit,
} from './repo-server.ts'
export {
  followAutomergeRepo,
  type AutomergeRepoFollower,
  type AutomergeRepoFollowerInit,
} from './repo-follower.ts'
