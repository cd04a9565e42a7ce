/** Milliseconds after which the key that others seal to is replaced: a day. Two replaced ones still open messages. */
export const SEALING_KEY_LIFETIME_MS = 86_400_000

/** Bytes of a ticket's file; ours have at most 1,025. A larger one is refused without reading it. */
export const MAX_TICKET_FILE_BYTES = 2_048

/** Log lines of events that wait to be written; beyond it the oldest are left out. */
export const MAX_WAITING_LOG_LINES = 4_096

/** Bytes of a configuration file; a larger one is refused without reading it. */
export const MAX_CONFIG_FILE_BYTES = 65_536

/** How long somebody who has announced a document is dialled, in milliseconds. */
export const GOSSIP_DIAL_TIMEOUT_MS = 20_000

/** Peers of the database that the network dials by itself when gossip chooses the others. */
export const PEERS_BESIDE_GOSSIP = 3

/** How long a question to the platform may take, in milliseconds: whether the connection is metered. */
export const PLATFORM_TIMEOUT_MS = 2_000
