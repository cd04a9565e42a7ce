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
  /** A peer sent what the sync protocol does not allow. Its channel has ended. */
  | 'ERR_WILLOW_SYNC_PROTOCOL'
  /** A peer wanted more than a limit of the sync protocol. Its channel has ended. */
  | 'ERR_WILLOW_SYNC_LIMIT'
  /** The bytes are no drop, or an entry or payload in it is not what its signature says. What came before it is stored. */
  | 'ERR_DROP_INVALID'
  /** A drop has more records, more bytes or a longer payload than was allowed. */
  | 'ERR_DROP_LIMIT'
  /** No entry can replace what is to be erased: its timestamp cannot be exceeded, or the capability ends before. */
  | 'ERR_ERASE_IMPOSSIBLE'
  /** The text is no capability: cut, damaged, or something else. */
  | 'ERR_CAPABILITY_TEXT'
  /** This user holds no capability that allows it. */
  | 'ERR_CAPABILITY_MISSING'
  /** No namespace was named, and not exactly one is open; or the one that was named is not open. */
  | 'ERR_NAMESPACE_UNCLEAR'
  /** As many namespaces are open as allowed. */
  | 'ERR_NAMESPACE_LIMIT'
  /** Something dated later stands at the path or above it. */
  | 'ERR_ENTRY_OBSOLETE'
  /** There are entries below the path, which writing there would erase. */
  | 'ERR_WRITE_WOULD_ERASE'
  /** This device's own policy or deny list refuses the entry. */
  | 'ERR_WRITE_REFUSED'
  /** Not all bytes of the entry are on this device yet. */
  | 'ERR_PAYLOAD_PENDING'
  /** The entry has more bytes than are read or written in one piece. */
  | 'ERR_PAYLOAD_LARGE'

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
  ERR_WILLOW_SYNC_PROTOCOL: 'nothing was lost; look at the version of the peer',
  ERR_WILLOW_SYNC_LIMIT: 'nothing was lost; sync smaller areas with this peer',
  ERR_DROP_INVALID:
    'ask for the drop again: it is damaged, cut off, or was made by somebody who may not',
  ERR_DROP_LIMIT: 'import it with higher limits, or export a smaller area',
  ERR_ERASE_IMPOSSIBLE:
    'ask somebody with a longer capability; what has the greatest timestamp of all can only be forgotten and denied',
  ERR_CAPABILITY_TEXT: 'copy the whole word, from willowcap1 to its end',
  ERR_CAPABILITY_MISSING: 'ask who may for a grant to your userId, then importCapability',
  ERR_NAMESPACE_UNCLEAR: 'call mapNamespace or openNamespace first, and name the namespace',
  ERR_NAMESPACE_LIMIT: 'use paths within one namespace instead of many namespaces',
  ERR_ENTRY_OBSOLETE: 'check the clocks of the devices; a date in the future holds until then',
  ERR_WRITE_WOULD_ERASE: 'write at a path below, or erase the path first if that is meant',
  ERR_WRITE_REFUSED: 'see the reason in the message; allow takes a deny rule back',
  ERR_PAYLOAD_PENDING: 'wait for the next sync: the event payload:changed tells',
  ERR_PAYLOAD_LARGE: 'use readPayload and writePayload of store(namespace), which stream',
}

/** An error with the hint that belongs to its code. */
export function willowError(
  code: WillowErrorCode,
  message: string,
  options?: ErrorOptions,
): WillowError {
  return new WillowError(code, message, { ...options, hint: hints[code] })
}
