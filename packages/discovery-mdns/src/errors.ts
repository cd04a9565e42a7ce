import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why a discovery can fail. */
export type DiscoveryErrorCode =
  /** Multicast does not work here: the port is held by somebody else, or no interface takes part. */
  | 'ERR_MDNS_UNAVAILABLE'
  /** The discovery was closed while the call was waiting, or before it. */
  | 'ERR_DISCOVERY_CLOSED'
  /** A limit on topics or watches is reached; the message names it. */
  | 'ERR_DISCOVERY_LIMIT'

/** What a discovery throws; tell cases apart by {@link DiscoveryError.code}. */
export class DiscoveryError extends VudoError {
  override readonly name = 'DiscoveryError'
  declare readonly code: DiscoveryErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: DiscoveryErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether a discovery threw `error`, whichever copy of the package made it. */
export function isDiscoveryError(error: unknown): error is DiscoveryError {
  return isVudoError(error) && error.name === 'DiscoveryError'
}
