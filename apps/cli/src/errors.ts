import { VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why a command can fail by itself; what the libraries throw keeps its own code. */
export type CliErrorCode =
  /** No node is running for this data directory. Start one: `vudo node`. */
  | 'ERR_NODE_NOT_RUNNING'
  /** The node was asked to end, and has not within the time. */
  | 'ERR_NODE_STILL_RUNNING'
  /** The node and the command do not understand each other: most likely two versions. */
  | 'ERR_CONTROL_PROTOCOL'
  /** There is no document under this path. */
  | 'ERR_DOCUMENT_NOT_FOUND'
  /** The input is not what the command takes: not JSON, not text, or too large. */
  | 'ERR_INPUT_INVALID'
  /** A file is in the way. Nothing was overwritten. */
  | 'ERR_FILE_EXISTS'
  /** A file or folder of the command line cannot be read. The message names it and says why. */
  | 'ERR_FILE_UNREADABLE'
  /** A file or folder of the command line cannot be written. The message names it and says why. */
  | 'ERR_FILE_UNWRITABLE'
  /** An argument or option of the command line is wrong. */
  | 'ERR_USAGE'
  /** `vudo doctor` found something that is not well. */
  | 'ERR_DOCTOR_FINDINGS'
  /** The demo's two nodes did not get to where they should within the time. */
  | 'ERR_DEMO_FAILED'

/** What commands throw; tell cases apart by {@link CliError.code}. */
export class CliError extends VudoError {
  override readonly name = 'CliError'
  declare readonly code: CliErrorCode

  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: CliErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}
