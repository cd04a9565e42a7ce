/**
 * Local-first documents that sync peer to peer: `createP2P()` puts transports,
 * discovery, sessions and the document engine together.
 *
 * @packageDocumentation
 */
export type { BandwidthState } from './bandwidth.ts'
export {
  readConfiguration,
  type Configuration,
  type Environment,
  type OptionOrigin,
  type OptionReport,
} from './configuration.ts'
export { createP2P } from './create-p2p.ts'
export { defaultDataDirectory, storeKeyOf } from './data-directory.ts'
export { isP2PError, P2PError, type P2PErrorCode } from './errors.ts'
export { examineDataDirectory, type DataDirectoryFinding, type ExamineOptions } from './examine.ts'
export * from './limits.ts'
export type {
  BandwidthOptions,
  BandwidthProfile,
  DiscoveryOptions,
  P2POptions,
  SyncOptions,
  WorkerOptions,
} from './options.ts'
export type { BandwidthSettings, DiscoverySettings, P2PSettings } from './settings.ts'
export type { WorkerSettings } from './worker-option.ts'
export type { OwnEvents, P2P, P2PEvents } from './p2p.ts'
export { parsePeerAddress } from './peer-address.ts'
export type { ProtocolOptions } from './protocols.ts'
export { Counter, resolveConflict, splice, updateText } from '@vudo/sync'
export type {
  CatalogueEntry,
  CompactOptions,
  Conflict,
  ConflictingValue,
  ConflictResolver,
  Database,
  DatabaseEvents,
  DeletedEntry,
  DocumentChange,
  DocumentHandle,
  DocumentSyncStatus,
  EarlierEpoch,
  HistoryEntry,
  ImportReport,
  OperationsOptions,
  OperationsReport,
  PeerSyncStatus,
  Policy,
  PolicyAction,
  RemoveOptions,
  SyncedOptions,
  SyncOperation,
  SyncProgress,
  SyncStatus,
  SyncSummary,
} from '@vudo/sync'
export type {
  Channel,
  ChannelHandler,
  ConnectPeerOptions,
  LatestReader,
  LatestWriter,
  Network,
  NetworkEvents,
  PeerLists,
  PeerStatus,
  RequestContext,
  RequestHandler,
  RequestHandlerOptions,
  RequestOptions,
} from '@vudo/network'
export { isVudoError } from '@vudo/transport'
