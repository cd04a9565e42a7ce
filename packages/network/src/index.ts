/**
 * Sessions with peers over any transport: finding, dialling, proving membership,
 * channels that survive a lost connection.
 *
 * @packageDocumentation
 */
export type { PeerLists } from './admission.ts'
export type { Channel, EndReason } from './channel.ts'
export { createNetwork } from './create-network.ts'
export {
  isNetworkError,
  NetworkError,
  type NetworkErrorCode,
  type NetworkErrorOptions,
} from './errors.ts'
export { latestReader, latestWriter, type LatestReader, type LatestWriter } from './latest.ts'
export * from './limits.ts'
export type {
  ChannelHandler,
  ConnectPeerOptions,
  DatabaseTicket,
  Network,
  NetworkEvents,
  NetworkInit,
  PeerStatus,
} from './network.ts'
export type { NetworkOptions } from './options.ts'
export { publicPart } from './private-address.ts'
export {
  request,
  requestHandler,
  type RequestContext,
  type RequestHandler,
  type RequestHandlerOptions,
  type RequestOptions,
} from './request.ts'
export type { OpenChannelOptions, Priority, Session, SessionPath } from './session.ts'
