import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why a hub refuses. */
export type EventsErrorCode =
  /** The hub has `MAX_SUBSCRIBERS` listeners and subscriptions. Something subscribes and never unsubscribes. */
  | 'ERR_TOO_MANY_SUBSCRIBERS'
  /** The hub was closed while the call was waiting, or before it. No more events come. */
  | 'ERR_HUB_CLOSED'

/** What a hub throws; tell cases apart by {@link EventsError.code}. */
export class EventsError extends VudoError {
  override readonly name = 'EventsError'
  declare readonly code: EventsErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: EventsErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether a hub threw `error`, whichever copy of the package made it. */
export function isEventsError(error: unknown): error is EventsError {
  return isVudoError(error) && error.name === 'EventsError'
}
