import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why Willow can fail. */
export type WillowErrorCode =
  /** The store was closed before the call, or while it waited. */
  | 'ERR_WILLOW_STORE_CLOSED'
  /** What is stored is of another namespace, of a newer version, or damaged. */
  | 'ERR_WILLOW_STORE_FORMAT'
  /** The entry is not held, or not any more: it was replaced, erased or forgotten. */
  | 'ERR_ENTRY_GONE'
  /** The payload is being received already, or too many are. */
  | 'ERR_PAYLOAD_BUSY'
  /** The bytes are not the payload of the entry: wrong digest or length. They were destroyed. */
  | 'ERR_PAYLOAD_MISMATCH'
  /** A stored payload cannot be read: its file is missing, cut or altered. */
  | 'ERR_PAYLOAD_DAMAGED'
  /** The disk failed while payloads were written or destroyed. What was begun is completed at the next opening. */
  | 'ERR_PAYLOAD_STORE'
  /** There are as many deny rules as allowed. */
  | 'ERR_DENY_LIMIT'
  /** No entry can replace what is to be erased: its timestamp cannot be exceeded, or the capability ends before. */
  | 'ERR_ERASE_IMPOSSIBLE'

/** What Willow throws; tell cases apart by {@link WillowError.code}. */
export class WillowError extends VudoError {
  override readonly name = 'WillowError'
  declare readonly code: WillowErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: WillowErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether Willow threw `error`, whichever copy of the package made it. */
export function isWillowError(error: unknown): error is WillowError {
  return isVudoError(error) && error.name === 'WillowError'
}

const hints: Record<WillowErrorCode, string> = {
  ERR_WILLOW_STORE_CLOSED: 'open it again, and close it after the last call has settled',
  ERR_WILLOW_STORE_FORMAT:
    'give each namespace a view of its own, or use the version that wrote the store',
  ERR_ENTRY_GONE: 'read the entry again: another one may be in its place',
  ERR_PAYLOAD_BUSY: 'wait until the other writer is closed',
  ERR_PAYLOAD_MISMATCH: 'ask another peer for the payload',
  ERR_PAYLOAD_DAMAGED: 'call forgetPayload, and let the next sync bring it again',
  ERR_PAYLOAD_STORE: 'check the disk, then open the store again',
  ERR_DENY_LIMIT: 'take rules back, or deny a larger area instead of many small ones',
  ERR_ERASE_IMPOSSIBLE:
    'ask somebody with a longer capability; what has the greatest timestamp of all can only be forgotten and denied',
}

/** An error with the hint that belongs to its code. */
export function willowError(
  code: WillowErrorCode,
  message: string,
  options?: ErrorOptions,
): WillowError {
  return new WillowError(code, message, { ...options, hint: hints[code] })
}
