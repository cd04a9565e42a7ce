import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why bytes of a peer are refused. */
export type WireErrorCode =
  /** A frame claims more bytes than `maxFrameBytes`. Nothing was allocated; close the connection. */
  | 'ERR_FRAME_TOO_LARGE'
  /** A frame claims 0 bytes: it carries nothing and costs work. Close the connection. */
  | 'ERR_FRAME_EMPTY'
  /** Bytes or text are not the one encoding of any value: cut off, too long, out of range or not canonical. */
  | 'ERR_DECODE'

/** What decoders throw, whatever bytes they get; tell cases apart by {@link WireError.code}. */
export class WireError extends VudoError {
  override readonly name = 'WireError'
  declare readonly code: WireErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: WireErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether a decoder threw `error`. */
export function isWireError(error: unknown): error is WireError {
  return isVudoError(error) && error.name === 'WireError'
}
