import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why one of these calls fails, besides those of the database. */
export type KeepsyncErrorCode =
  /** No database was given yet. Call `configureSyncEngine` first. */
  | 'ERR_ENGINE_NOT_CONFIGURED'
  /** A store of zustand waited longer than `initTimeout` for a database. */
  | 'ERR_INIT_TIMEOUT'
  /** A state is deeper than 64, or holds itself. */
  | 'ERR_STATE_TOO_DEEP'

/** What this package throws; tell cases apart by {@link KeepsyncError.code}. */
export class KeepsyncError extends VudoError {
  override readonly name = 'KeepsyncError'
  declare readonly code: KeepsyncErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: KeepsyncErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether this package threw `error`, whichever copy of it: looked up by name, because `instanceof` fails between two copies. */
export function isKeepsyncError(error: unknown): error is KeepsyncError {
  return isVudoError(error) && error.name === 'KeepsyncError'
}
