import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why a secure channel fails; found as the `cause` of a `TransportError`. */
export type SecureChannelErrorCode =
  /** A record or handshake message fails authentication: altered, replayed, reordered, missing, or for another binding. */
  | 'ERR_CHANNEL_AUTH'
  /** The pipe ended, or a message was cut off, before it was complete. An attacker can cause this; so can a lost network. */
  | 'ERR_CHANNEL_TRUNCATED'
  /** More bytes or more fragments than the limit allows. */
  | 'ERR_CHANNEL_TOO_LARGE'
  /** Authentic, but not allowed at this place: an unknown record type, an empty message, a step out of turn. */
  | 'ERR_CHANNEL_STATE'
  /** The far end did not prove the Ed25519 key that it claims. */
  | 'ERR_CHANNEL_IDENTITY'
  /** The far end sent an X25519 key of small order. */
  | 'ERR_CHANNEL_KEY'
  /** The handshake did not finish in time. */
  | 'ERR_CHANNEL_TIMEOUT'
  /** A record after the authenticated close, or under a counter that is used up. */
  | 'ERR_CHANNEL_CLOSED'

/** The detailed reason behind a failed channel; tell cases apart by {@link SecureChannelError.code}. */
export class SecureChannelError extends VudoError {
  override readonly name = 'SecureChannelError'
  declare readonly code: SecureChannelErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: SecureChannelErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether the secure channel threw `error`. */
export function isSecureChannelError(error: unknown): error is SecureChannelError {
  return isVudoError(error) && error.name === 'SecureChannelError'
}
