/** Every bound of the suite, with its unit and reason. */

/** Milliseconds that one case may take where `caseTimeoutMs` is left out: fifty handshakes on a slow machine. */
export const DEFAULT_CASE_TIMEOUT_MS = 20_000

/** Milliseconds that cleaning up after a case may take before it is given up. */
export const CLEANUP_TIMEOUT_MS = 3_000

/** Milliseconds over the limit of a handshake after which a silent end must be gone: a slow machine's slack. */
export const HANDSHAKE_SLACK_MS = 3_000

/** Milliseconds without progress after which a sender counts as held back. */
export const STALL_MS = 400

/** Milliseconds in which something that must not happen has to happen to be seen. */
export const SETTLE_MS = 150

/** Milliseconds between two looks at a state that no event tells of. */
export const POLL_MS = 5

/** Bytes that a sender may get rid of while nobody reads, where `maxUnreadBytes` is left out, besides one message: 16 MiB, which system buffers alone may take. */
export const DEFAULT_MAX_UNREAD_BYTES = 16_777_216

/** Peers of the load case. */
export const LOAD_PEERS = 50

/** Bytes of one message of the slow reader case, where the transport takes as much. */
export const FLOOD_MESSAGE_BYTES = 65_536
