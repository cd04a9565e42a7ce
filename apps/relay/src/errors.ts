import { VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why a relay can fail. */
export type RelayErrorCode =
  /** A client's frame is not what the protocol allows. Ends that client's connection and nothing else. */
  | 'ERR_RELAY_PROTOCOL'
  /** An option or a file of the command line is wrong. The message names it. */
  | 'ERR_RELAY_CONFIG'
  /** The port is taken, or this user may not open it. */
  | 'ERR_RELAY_LISTEN'
  /** The NATS or Redis server of `--nats` or `--redis` cannot be reached at the start. */
  | 'ERR_RELAY_BACK_PLANE'

/** What the relay throws; tell cases apart by {@link RelayError.code}. */
export class RelayError extends VudoError {
  override readonly name = 'RelayError'
  declare readonly code: RelayErrorCode

  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: RelayErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}
