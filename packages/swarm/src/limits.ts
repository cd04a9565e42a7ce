import { MAX_RECORD_ADDRESSES } from '@vudo/transport'

/** Every bound of the swarm, with its unit and reason. Those that hold for all transports are in `@vudo/transport`. */

/** The largest control message, in bytes: 8 KiB, what `secure-channel` carries on its control lane. */
export const MAX_CONTROL_BYTES = 8_192

/** Tags in one of our updates, joined and left; the rest follows in the next: leaves room for a hello and later kinds. */
export const MAX_TAGS_PER_UPDATE = 192

/** Control records that a peer may send per second, and in one burst; more end its connection. */
export const MAX_CONTROL_PER_SECOND = 100

/** Topics that a peer may name per second, joined and left, and in one burst; more end its connection: each costs a look into two tables, and 100 full records hold 25,600. */
export const MAX_TAGS_PER_SECOND = 2_048

/** Shortest time between two of our own topic updates on a connection, in milliseconds: a tenth of what peers tolerate. */
export const UPDATE_INTERVAL_MS = 100

/** Bytes read ahead while the application has not read from a new connection at all: its topics come behind them. */
export const MAX_READ_AHEAD_BYTES = 65_536

/** Messages read ahead likewise: each costs memory beyond its bytes, and a peer's first words are few. */
export const MAX_READ_AHEAD_MESSAGES = 64

/** How long a goodbye with a reason may take before the connection is closed without it, in milliseconds. */
export const BYE_TIMEOUT_MS = 1_000

/** Time between two lookups of a joined topic, in milliseconds, up to a quarter more by chance. */
export const LOOKUP_INTERVAL_MS = 30_000

/** How long the end with the larger peer id leaves the first dial to the other, in milliseconds. */
export const TIE_DELAY_MS = 1_000

/** Wait before the first redial of a peer, in milliseconds; doubles with each failure. */
export const MIN_BACKOFF_MS = 1_000

/** Longest wait before a redial, in milliseconds. */
export const MAX_BACKOFF_MS = 300_000

/** Peers found that are dialled at one time. */
export const MAX_PARALLEL_DIALS = 16

/** Peers found that are remembered; at the limit a new one replaces the oldest that is not connected. */
export const MAX_FOUND_PEERS = 1_000

/** Addresses remembered of a peer that was found, as many as a record may have; at the limit the newest stay. */
export const MAX_FOUND_ADDRESSES: number = MAX_RECORD_ADDRESSES

/** Peers found that may claim one address: a forged list must not turn us against whoever lives there. */
export const MAX_PEERS_PER_ADDRESS = 4

/** Remote addresses whose rate of new connections is counted; at the limit the longest unseen is forgotten. */
export const MAX_COUNTED_ADDRESSES = 10_000

/** Bounds of the time between two announcements, in milliseconds; within them half a record's lifetime. */
export const MIN_REFRESH_MS = 30_000
/** See {@link MIN_REFRESH_MS}: half a day. */
export const MAX_REFRESH_MS = 43_200_000
