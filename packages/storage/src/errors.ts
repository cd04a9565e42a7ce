import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why a store can fail. */
export type StoreErrorCode =
  /** Another process (or another part of this one) has the directory open, in browsers another tab or worker the database. The message names its process id where it is known. */
  | 'ERR_STORE_LOCKED'
  /** The store was closed before the call, or while it waited. */
  | 'ERR_STORE_CLOSED'
  /** The disk, a disk quota or `maxBytes` is exhausted. Nothing acknowledged is lost; writes work again when there is room. */
  | 'ERR_STORE_FULL'
  /** The directory or database cannot be made, read or written, or a newer version wrote it. The message names it. */
  | 'ERR_STORE_UNREADABLE'
  /** The database's own files are damaged. Restore a backup, or try `repairStore`. */
  | 'ERR_STORE_DAMAGED'
  /** The disk reported an error. After a failed write the store takes no more writes: close it, check the disk, open it again. */
  | 'ERR_STORE_FAILED'
  /** A key, a value, a write or the number of waiting writes is above its limit. The message names the limit. */
  | 'ERR_STORE_LIMIT'
  /** The store is encrypted and was opened without a key. Nothing was changed. */
  | 'ERR_STORE_ENCRYPTED'
  /** The store is not encrypted and was opened with a key. Nothing was changed; `copyStore` makes an encrypted copy. */
  | 'ERR_STORE_NOT_ENCRYPTED'
  /** The store is encrypted with another key. Nothing was changed. */
  | 'ERR_STORE_KEY_WRONG'
  /** `copyStore` was told to copy into a store that holds records. Nothing was changed. */
  | 'ERR_STORE_NOT_EMPTY'
  /** Something was asked for that stores in browsers do not have: encryption, or strict durability. */
  | 'ERR_STORE_UNSUPPORTED'

/** What stores throw; tell cases apart by {@link StoreError.code}. */
export class StoreError extends VudoError {
  override readonly name = 'StoreError'
  declare readonly code: StoreErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: StoreErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether a store threw `error`, whichever copy of the package made it. */
export function isStoreError(error: unknown): error is StoreError {
  return isVudoError(error) && error.name === 'StoreError'
}

/** The call came after `close`. */
export function storeClosed(): StoreError {
  return new StoreError('ERR_STORE_CLOSED', 'the store is closed', {
    hint: 'open it again, and close it after the last call has settled',
  })
}

/** Says which bound of `limits.ts` was passed. */
export function aboveLimit(what: string, actual: number, most: number): StoreError {
  return new StoreError('ERR_STORE_LIMIT', `${what}: ${actual}, at most ${most} are allowed`)
}

/** What to make of an error of the database while it was `doing` something. */
export function databaseError(error: unknown, doing: string): StoreError {
  if (isStoreError(error)) return error
  const text = causes(error).join('; ')
  const cause = { cause: error }
  if (isFull(text)) {
    return new StoreError('ERR_STORE_FULL', `no room on the disk while ${doing}: ${text}`, {
      ...cause,
      hint: 'make room on the disk, then write again',
    })
  }
  if (/corruption/i.test(text)) {
    return new StoreError(
      'ERR_STORE_DAMAGED',
      `the database is damaged, seen while ${doing}: ${text}`,
      {
        ...cause,
        hint: 'close the store and restore a backup, or copy the directory and call repairStore(directory)',
      },
    )
  }
  return new StoreError('ERR_STORE_FAILED', `the disk failed while ${doing}: ${text}`, {
    ...cause,
    hint: 'close the store, check the disk, and open it again: what was acknowledged is there',
  })
}

/** What to make of an error of IndexedDB while it was `doing` something. What failed was undone as a whole. */
export function indexedError(error: unknown, doing: string): StoreError {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  if (error instanceof Error && error.name === 'QuotaExceededError') {
    return new StoreError('ERR_STORE_FULL', `no room for this site while ${doing}: ${text}`, {
      cause: error,
      hint: 'delete something, or ask the user to make room, then write again',
    })
  }
  return new StoreError('ERR_STORE_FAILED', `the browser failed while ${doing}: ${text}`, {
    cause: error,
    hint: 'close the store and open it again; when the user has removed the data of this site, it is empty',
  })
}

/** A write failed before: the database takes no more, so that none that builds on it is stored without it. */
export function noMoreWrites(failure: StoreError): StoreError {
  return new StoreError('ERR_STORE_FAILED', `the store takes no more writes: ${failure.message}`, {
    cause: failure,
    hint: failure.hint,
  })
}

/** LevelDB gives the text of the operating system and not its number. */
function isFull(text: string): boolean {
  return /ENOSPC|EDQUOT|No space left|quota exceeded|not enough space/i.test(text)
}

/** The messages and codes of an error and of what caused it. */
function causes(error: unknown): string[] {
  const found: string[] = []
  // Three deep: the wrapper of abstract-level, the error of LevelDB, the one of the system.
  for (let at: unknown = error; at instanceof Error && found.length < 3; at = at.cause) {
    const code = 'code' in at && typeof at.code === 'string' ? `${at.code} ` : ''
    found.push(code + at.message)
  }
  return found.length > 0 ? found : [String(error)]
}
