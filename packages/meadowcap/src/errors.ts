import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why bytes, paths, capabilities and writes are refused. */
export type MeadowcapErrorCode =
  /** The bytes are no code of any value: out of range, not canonical, or left over. They will not become valid by more bytes. */
  | 'ERR_WILLOW_ENCODING'
  /** The bytes end too early: what is there may begin a valid code. Wait for more, or treat it as cut off. */
  | 'ERR_WILLOW_INCOMPLETE'
  /** A path has a component, a number of components or a length above Willow'25's limits. Choose a shorter one. */
  | 'ERR_PATH_LIMIT'
  /** A capability does not hold: its kind contradicts its namespace, a step widens, or a signature is wrong. Ask its giver for another. */
  | 'ERR_CAPABILITY_INVALID'
  /** The area to be granted is not inside the area that the capability grants. Grant less, or use a wider capability. */
  | 'ERR_CAPABILITY_WIDENED'
  /** The key that signs is not the capability's receiver. Use the key it was granted to. */
  | 'ERR_CAPABILITY_RECEIVER'
  /** A limit on delegations, stored capabilities or revocations is reached. The message names the limit. */
  | 'ERR_CAPABILITY_LIMIT'
  /** The capability does not allow this write: another namespace, a place or time outside its area, or it is for reading. */
  | 'ERR_WRITE_DENIED'

/** What a {@link MeadowcapError} may carry besides code and message. */
export interface MeadowcapErrorOptions extends VudoErrorOptions {
  /** See {@link MeadowcapError.byteOffset}. */
  readonly byteOffset?: number | undefined
  /** See {@link MeadowcapError.reason}. */
  readonly reason?: string | undefined
}

/** What this package throws; tell cases apart by {@link MeadowcapError.code}. Never quotes a secret. */
export class MeadowcapError extends VudoError {
  override readonly name = 'MeadowcapError'
  declare readonly code: MeadowcapErrorCode
  /** Of decoders: at which byte of the input the mistake was found. */
  readonly byteOffset: number | undefined
  /** Of decoders: what is wrong there, without the place. */
  readonly reason: string | undefined

  constructor(code: MeadowcapErrorCode, message: string, options?: MeadowcapErrorOptions) {
    super(code, message, options)
    this.byteOffset = options?.byteOffset
    this.reason = options?.reason
  }
}

/** Tells whether this package threw `error`. */
export function isMeadowcapError(error: unknown): error is MeadowcapError {
  return isVudoError(error) && error.name === 'MeadowcapError'
}
