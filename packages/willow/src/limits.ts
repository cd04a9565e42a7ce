/** Every bound of Willow, with its unit and reason. */

/** Entries of one `insertMany`: bounds a transaction, and what is verified together. */
export const MAX_BATCH_ENTRIES = 500

/** Pruned entries that an outcome lists: one tombstone may replace a whole store. */
export const MAX_REPORTED_PRUNED = 1_024

/** Parts of one `split`: more of them make messages longer without saving a round. */
export const MAX_SPLIT_PARTS = 256

/** Rules of a deny list: each is compared with every entry that comes in. */
export const MAX_DENY_RULES = 1_024
