/** Every bound of the store, with its unit and reason. */

/** Bytes of a key, without what views put in front: longer ones make every comparison of LevelDB slow. */
export const MAX_KEY_BYTES = 1_024

/** Bytes of a value: 64 MiB. LevelDB holds a value in memory several times over while it is written. */
export const MAX_VALUE_BYTES = 67_108_864

/** Bytes of one write, keys and values together: 128 MiB. A batch is one record of LevelDB's log and is built in memory. */
export const MAX_WRITE_BYTES = 134_217_728

/** Operations of one write: each costs about 100 bytes of memory besides its own. */
export const MAX_WRITE_OPERATIONS = 100_000

/** Bytes of waiting writes that are merged into one batch: 16 MiB, so that the first one does not wait for all. */
export const MAX_GROUP_BYTES = 16_777_216

/** Bytes of writes that wait for the disk: 256 MiB. Whoever awaits each write never gets there. */
export const MAX_QUEUED_BYTES = 268_435_456

/** Writes that wait for the disk. */
export const MAX_QUEUED_WRITES = 100_000

/** Bytes of damaged records that are kept for inspection: 16 MiB. Beyond it they stay where they are and are skipped. */
export const MAX_QUARANTINE_BYTES = 16_777_216

/** Bytes of a view's name; its length is stored in one byte. */
export const MAX_VIEW_NAME_BYTES = 64

/** Views inside each other: bounds what is put in front of every key. */
export const MAX_VIEW_DEPTH = 8

/** Records that a scan fetches at once, unless they reach {@link SCAN_PAGE_BYTES} before. */
export const SCAN_PAGE_RECORDS = 256

/** Bytes of records after which a fetch of a scan ends: 64 KiB. Each fetch costs about 50 microseconds on another thread. */
export const SCAN_PAGE_BYTES = 65_536

/** Bytes written before LevelDB can have begun a new log: its memory table of 4 MiB, of which a quarter may be lost to rounding. Only from here on is the directory looked at. */
export const MIN_LOG_BYTES = 3_000_000

/** Bytes that an entry of LevelDB's memory table takes at most besides key and value. */
export const MEMTABLE_ENTRY_BYTES = 200

/** Records of an encrypted store, whose keys all stay in memory, 40 bytes each besides the key: with keys of 80 bytes 500 MB. Writes that are under way together may go beyond it. */
export const MAX_ENCRYPTED_RECORDS = 4_194_304

/** Values that are encrypted under one key before another one is derived: 2^32. NIST SP 800-38D section 8.3 allows as many. */
export const MAX_VALUES_PER_KEY = 4_294_967_296

/** Derived keys that are kept ready. Each opening of a store writes under another one. */
export const MAX_CACHED_VALUE_KEYS = 256

/** Bytes of the key of an encrypted store. */
export const STORE_KEY_BYTES = 32
/** Bytes of inflated blocks that LevelDB keeps: 2 MiB. The platform caches the files beside it. */
export const BLOCK_CACHE_BYTES = 2_097_152

/** Bytes of records, as they were, that a scan in a browser keeps when they are replaced before it reaches them: 64 MiB. Beyond it the scan fails. */
export const MAX_SCAN_REPLACED_BYTES = 67_108_864

/** Characters of the name of a database in a browser. */
export const MAX_DATABASE_NAME_LENGTH = 128

/** Milliseconds that opening a store in a browser waits for its owner to go: a page that is loaded anew can meet the end of its former self. Chromium 156 had ended it in 70 of 70 reloads; no browser promises that. */
export const OWNER_LEAVES_MS = 500
