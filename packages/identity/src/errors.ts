import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why keys, records, sealed messages and tickets are refused. */
export type IdentityErrorCode =
  /** The key file is missing or cannot be read. The message names the path, the cause says why. */
  | 'ERR_KEY_FILE_UNREADABLE'
  /** The key file is not one of ours, is damaged, or holds a key of the other type. Restore it from a backup. */
  | 'ERR_KEY_FILE_INVALID'
  /** Others on this machine may read the key file. Take the permission away: `chmod 600` and the path. */
  | 'ERR_KEY_FILE_EXPOSED'
  /** There is a file already, and a key is never overwritten. Read it, or choose another path. */
  | 'ERR_KEY_FILE_EXISTS'
  /** The key file cannot be written. The message names the path, the cause says why. */
  | 'ERR_KEY_FILE_UNWRITABLE'
  /** The bytes are well formed and not signed by the key that they name. */
  | 'ERR_SIGNATURE_INVALID'
  /** The peer record is malformed, too large, or claims to live longer than records may. */
  | 'ERR_RECORD_INVALID'
  /** The peer record is past its time. Look the peer up again. */
  | 'ERR_RECORD_EXPIRED'
  /** The sealed message cannot be opened: altered, for another key or context, or for a key that was replaced too long ago. */
  | 'ERR_SEAL_INVALID'
  /** The text is not a ticket, or was copied with a mistake. */
  | 'ERR_TICKET_INVALID'
  /** The far end's X25519 key leads to no secret: a wrong length, or a point of small order. */
  | 'ERR_AGREEMENT_INVALID'

/** What this package throws; tell cases apart by {@link IdentityError.code}. Never quotes a secret. */
export class IdentityError extends VudoError {
  override readonly name = 'IdentityError'
  declare readonly code: IdentityErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: IdentityErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether this package threw `error`. */
export function isIdentityError(error: unknown): error is IdentityError {
  return isVudoError(error) && error.name === 'IdentityError'
}
