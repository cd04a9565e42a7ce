/** Every bound of this package, with its unit and reason. */

/** How long a store of zustand waits for its document, in milliseconds, by default: as long as keepsync. */
export const INIT_TIMEOUT_MS = 30_000

/** Documents of a directory that are removed at a time: each waits for the disk, and they share its writes. */
export const REMOVED_TOGETHER = 256

/** How deep a state of zustand may be: what a document that comes from a peer may be. */
export const MAX_STATE_DEPTH = 64
