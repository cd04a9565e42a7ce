/** Every bound of the hub, with its unit and reason. */

/**
 * Listeners and subscriptions of one hub, together. Each costs a call per event; more of
 * them nearly always means that somebody forgets to unsubscribe.
 */
export const MAX_SUBSCRIBERS = 1_000

/** Events that a subscription keeps for a slow reader unless it asks for another number. */
export const DEFAULT_BUFFER_EVENTS = 256

/** The most events that a subscription may ask to have kept: bounds what one slow reader can hold in memory. */
export const MAX_BUFFER_EVENTS = 65_536
