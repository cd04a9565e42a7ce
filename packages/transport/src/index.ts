/**
 * The contracts between applications, transports and discoveries: types, error
 * codes, limits, and how a configuration becomes a transport. Imports nothing.
 *
 * @packageDocumentation
 */
export {
  parseTransportConfig,
  transportOrder,
  type TransportConfig,
  type TransportSettings,
} from './config.ts'
export type {
  AbortOptions,
  CloseReason,
  Connection,
  ConnectionPath,
  Link,
  LinkMessage,
  Pipe,
} from './connection.ts'
export type { Discovery } from './discovery.ts'
export {
  isTransportError,
  isVudoError,
  TransportError,
  VudoError,
  type TransportErrorCode,
  type VudoErrorOptions,
} from './errors.ts'
export * from './limits.ts'
export {
  isPeerId,
  type Address,
  type PeerId,
  type PeerInfo,
  type PeerRecord,
  type Topic,
} from './peer.ts'
export {
  createTransport,
  registeredTransports,
  registerTransport,
  usableTransports,
} from './registry.ts'
export type {
  ConnectOptions,
  DialOptions,
  DialTarget,
  SecureOptions,
  Transport,
  TransportContext,
  TransportFactory,
  TransportFeatures,
} from './transport.ts'
