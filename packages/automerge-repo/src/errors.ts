import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why something between automerge-repo and this project fails. */
export type AutomergeRepoErrorCode =
  /** A storage key has no segments, more than 16, or more than 1,000 bytes. */
  | 'ERR_STORAGE_KEY'
  /** The directory of NodeFS is missing or cannot be read; `cause` says why. */
  | 'ERR_DIRECTORY_UNREADABLE'
  /** A file, or the number of files in one range, is beyond the limits. Remove what automerge-repo has compacted, or split the document. */
  | 'ERR_DIRECTORY_LIMIT'
  /** A peer sent what is no message of automerge-repo, or one beyond the limits. Its connection is ended. */
  | 'ERR_REPO_MESSAGE'
  /** A peer sent changes that no document may take. Its connection is ended. */
  | 'ERR_REPO_CHANGES'
  /** A peer does not take what it is sent. Its connection is ended; it syncs anew when it is back. */
  | 'ERR_REPO_SLOW'
  /** The peer speaks another version of the protocol, and none of ours. */
  | 'ERR_REPO_VERSION'
  /** The server cannot listen where it was told to; `cause` says why. */
  | 'ERR_REPO_LISTEN'

/** What this package throws, and names in events; tell cases apart by {@link AutomergeRepoError.code}. */
export class AutomergeRepoError extends VudoError {
  override readonly name = 'AutomergeRepoError'
  declare readonly code: AutomergeRepoErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: AutomergeRepoErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether this package threw `error`, whichever copy of it: looked up by name, because `instanceof` fails between two copies. */
export function isAutomergeRepoError(error: unknown): error is AutomergeRepoError {
  return isVudoError(error) && error.name === 'AutomergeRepoError'
}
