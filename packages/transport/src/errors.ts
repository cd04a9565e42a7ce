/**
 * The root of every error that this project throws on purpose.
 *
 * `code` is the contract: stable across major versions, listed with causes and
 * cures in `docs/errors.md`. `message` says what happened, with the numbers, and
 * what was expected; it may change at any time. `hint` says what to do next.
 *
 * Programming mistakes (a wrong type, a value out of range) are plain `TypeError`
 * and `RangeError` without a code: nobody should catch them.
 */
export class VudoError extends Error {
  override readonly name: string = 'VudoError'
  /** Upper-case and stable, for example `ERR_DIAL_TIMEOUT`. */
  readonly code: string
  /** What to do next, in the second person; `undefined` when nothing can be advised. */
  readonly hint: string | undefined

  constructor(code: string, message: string, options?: VudoErrorOptions) {
    super(message, options)
    this.code = code
    this.hint = options?.hint
  }

  /** Where the code is explained, relative to the root of the repository. */
  get docs(): string {
    return `docs/errors.md#${this.code.toLowerCase()}`
  }
}

/** What an error may carry besides code and message. */
export interface VudoErrorOptions extends ErrorOptions {
  /** See {@link VudoError.hint}. */
  readonly hint?: string | undefined
}

/**
 * Tells whether `error` is one of ours, whichever copy of the package made it.
 * By its properties and not by `instanceof`, which fails across two copies of a
 * package and across workers.
 */
export function isVudoError(error: unknown): error is VudoError {
  return error instanceof Error && 'code' in error && 'docs' in error && isErrorCode(error.code)
}

function isErrorCode(code: unknown): code is string {
  return typeof code === 'string' && code.startsWith('ERR_')
}

/** Stable reasons why a transport can fail. */
export type TransportErrorCode =
  /** No answer within `dialTimeoutMs`. Try another path, or later. */
  | 'ERR_DIAL_TIMEOUT'
  /** The far end could not be reached: refused, unreachable, or the name does not resolve. */
  | 'ERR_DIAL_FAILED'
  /** The far end proved another key than the one that was dialled: an old address, or an impostor. */
  | 'ERR_PEER_MISMATCH'
  /** The far end holds our own key: a node dialled itself, or a key file was copied to a second device. */
  | 'ERR_PEER_SELF'
  /** The far end could not prove any key, or does not speak our protocol. */
  | 'ERR_HANDSHAKE_FAILED'
  /** The transport was closed while the call was waiting, or before it. */
  | 'ERR_TRANSPORT_CLOSED'
  /** The connection is closed: nothing more can be sent on it. */
  | 'ERR_CONNECTION_CLOSED'
  /** The connection broke without the far end's goodbye. What was not confirmed above may be lost. */
  | 'ERR_CONNECTION_LOST'
  /** A message has 0 bytes or more than `features.maxMessageBytes`; sent by us, nothing leaves; sent by the peer, its connection ends. */
  | 'ERR_MESSAGE_SIZE'
  /** The peer broke the protocol: garbage, an oversized frame, a control message out of place. */
  | 'ERR_PEER_PROTOCOL'
  /** The two ends share no topic, and none was joined within the grace time. */
  | 'ERR_NO_SHARED_TOPIC'
  /** A limit on connections, topics or rates is reached. The error's message names the limit. */
  | 'ERR_LIMIT'
  /** The address is not of this transport, or not written as its scheme wants it. */
  | 'ERR_ADDRESS_INVALID'
  /** The port (or name) is taken. Another instance may be running: choose another port, or 0 for any. */
  | 'ERR_ADDRESS_IN_USE'
  /** No transport of that name has been imported. The hint names the package to install. */
  | 'ERR_TRANSPORT_MISSING'
  /** The transport cannot do this; its `features` say so. */
  | 'ERR_UNSUPPORTED'
  /** A configuration value is wrong. The message names the field, the value and what was expected. */
  | 'ERR_CONFIG_INVALID'

/** What transports throw; tell cases apart by {@link TransportError.code}. */
export class TransportError extends VudoError {
  override readonly name = 'TransportError'
  declare readonly code: TransportErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: TransportErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether a transport threw `error`. */
export function isTransportError(error: unknown): error is TransportError {
  return isVudoError(error) && error.name === 'TransportError'
}
