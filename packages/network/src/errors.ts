import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why the network refuses or ends something. */
export type NetworkErrorCode =
  /** The network was stopped while the call was waiting, or before it. Make a new one. */
  | 'ERR_NETWORK_STOPPED'
  /** An option is wrong. The message names it, its value and what was expected. */
  | 'ERR_NETWORK_OPTION'
  /** The session was ended on purpose, by either end. */
  | 'ERR_SESSION_CLOSED'
  /** The peer came back without the session: it has forgotten everything. Compare again on the new session. */
  | 'ERR_SESSION_RESET'
  /** The peer did not come back within `resumeWindowMs`. */
  | 'ERR_SESSION_TIMEOUT'
  /** The peer broke the session protocol: a malformed frame, more than its credit, a frame out of place. */
  | 'ERR_SESSION_PROTOCOL'
  /** A session between the two already stands, or is about to: this connection is one too many. */
  | 'ERR_SESSION_DUPLICATE'
  /** The two ends speak no common version of the session protocol. Update the older one. */
  | 'ERR_VERSION_MISMATCH'
  /** The two ends have no database in common, or one could not prove that it holds the secret. */
  | 'ERR_NO_SHARED_DATABASE'
  /** The channel is for a database that the peer has not proven to have, or that was left. */
  | 'ERR_NOT_MEMBER'
  /** The channel is closed: nothing more can be sent on it. */
  | 'ERR_CHANNEL_CLOSED'
  /** The peer did not take the channel; `peerCode` says why. */
  | 'ERR_CHANNEL_REFUSED'
  /** One end ended the channel early; `peerCode` says why. What was not received yet is lost. */
  | 'ERR_CHANNEL_RESET'
  /** Nobody handles the protocol. */
  | 'ERR_PROTOCOL_UNKNOWN'
  /** A message is larger than 256 KiB. Nothing was sent. */
  | 'ERR_CHANNEL_MESSAGE_SIZE'
  /** The lists `allow` and `block` keep the peer out, or it broke the protocol a short while ago. */
  | 'ERR_PEER_BLOCKED'
  /** The peer did not answer a request within its time. */
  | 'ERR_REQUEST_TIMEOUT'
  /** The peer refused a request or failed at it; `peerCode` says why. */
  | 'ERR_REQUEST_FAILED'
  /** A request or an answer is larger than its end allows. */
  | 'ERR_REQUEST_SIZE'
  /** There is no session with that peer. */
  | 'ERR_PEER_NOT_CONNECTED'
  /** The database was not joined. */
  | 'ERR_DATABASE_UNKNOWN'
  /** No transport of this network can dial the address. */
  | 'ERR_NO_TRANSPORT'
  /** A limit is reached; the message names it. */
  | 'ERR_LIMIT'

/** What {@link NetworkError} may carry besides code and message. */
export interface NetworkErrorOptions extends VudoErrorOptions {
  /** See {@link NetworkError.peerCode}. */
  readonly peerCode?: string | undefined
}

/** What the network throws; tell cases apart by {@link NetworkError.code}. */
export class NetworkError extends VudoError {
  override readonly name = 'NetworkError'
  declare readonly code: NetworkErrorCode
  /** The code that the peer gave, where it gave one: an `ERR_…` text of ours or of its application. */
  readonly peerCode: string | undefined

  constructor(code: NetworkErrorCode, message: string, options?: NetworkErrorOptions) {
    super(code, message, options)
    this.peerCode = options?.peerCode
  }
}

/** Tells whether the network threw `error`, whichever copy of the package made it. */
export function isNetworkError(error: unknown): error is NetworkError {
  return isVudoError(error) && error.name === 'NetworkError'
}
