import { VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why the facade itself can fail; what the packages below throw passes through. */
export type P2PErrorCode =
  /** The node is stopped. Call `start` or `initialize` first. */
  'ERR_P2P_STOPPED'

/** What the facade throws; tell cases apart by {@link P2PError.code}. */
export class P2PError extends VudoError {
  override readonly name = 'P2PError'
  declare readonly code: P2PErrorCode

  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: P2PErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}
