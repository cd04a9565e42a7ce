/** Every bound of Willow, with its unit and reason. */

/** Entries of one `insertMany`: bounds a transaction, and what is verified together. */
export const MAX_BATCH_ENTRIES = 500

/** Pruned entries that an outcome lists: one tombstone may replace a whole store. */
export const MAX_REPORTED_PRUNED = 1_024

/** Parts of one `split`: more of them make messages longer without saving a round. */
export const MAX_SPLIT_PARTS = 256

/** Rules of a deny list: each is compared with every entry that comes in. */
export const MAX_DENY_RULES = 1_024

/** Stored pages that may differ from the sums saved for them: after a crash each costs one scan of about 100 entries. */
export const MAX_DIRTY_PAGES = 512

/** Changes of entries after which the sums are saved: bounds how far one page can have grown since. */
export const MAX_CHANGES_UNSAVED = 16_384

/** Changes of entries in one commit; what prunes more does so in several. Each is three to five operations of the storage. */
export const MAX_COMMIT_CHANGES = 16_384

/** Pages of about 90 entries whose rows a persistent store keeps in memory, unless asked otherwise: 20 kB each. */
export const DEFAULT_CACHED_PAGES = 2_048

/** Entries read at once while a store in memory is walked. */
export const WALK_ENTRIES = 256

/** Entries up to which "the newest" are found by sorting the area instead of walking back in time. */
export const SORTED_AREA_ENTRIES = 4_096

/** Bytes of a piece of a payload: each is sealed by itself, and what is kept of an unfinished payload is whole pieces. */
export const PAYLOAD_CHUNK_BYTES = 65_536

/** Payloads that one store receives at a time: each holds up to two pieces in memory. */
export const MAX_PAYLOAD_WRITERS = 64

/** Entries of a page above which it is cut in two: the boundary of a range costs one page, and each page about 300 bytes of memory that stay. */
export const MAX_PAGE_ROWS = 128

/** Pages of a group above which it is cut in two. */
export const MAX_GROUP_PAGES = 128

/** Signatures that a verify pool checks at a time, unless asked otherwise: as many as libuv has threads. More let reads of files wait. */
export const DEFAULT_RUNNING_CHECKS = 4

/** Signatures that a verify pool can be asked to check at a time: libuv has at most 1,024 threads, machines fewer. */
export const MAX_RUNNING_CHECKS = 128
