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
export const MAX_DIRTY_PAGES = 256

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

/** Payloads that one store receives from peers at a time: each holds up to two pieces in memory. */
export const MAX_PAYLOAD_WRITERS = 64

/** Payloads that are written to one store here at a time, beside those of {@link MAX_PAYLOAD_WRITERS}: peers that stall must not keep the user from writing. */
export const MAX_OWN_PAYLOAD_WRITERS = 64

/** Entries of a page above which it is cut in two: the boundary of a range costs one page, and each page about 300 bytes of memory that stay. */
export const MAX_PAGE_ROWS = 128

/** Pages of a group above which it is cut in two. */
export const MAX_GROUP_PAGES = 128

/** Signatures that a verify pool checks at a time, unless asked otherwise: as many as libuv has threads. More let reads of files wait. */
export const DEFAULT_RUNNING_CHECKS = 4

/** Signatures that a verify pool can be asked to check at a time: libuv has at most 1,024 threads, machines fewer. */
export const MAX_RUNNING_CHECKS = 128

/** Keys of one table, 44 bytes each: destroying one writes the others anew. */
export const MAX_TABLE_KEYS = 256

/** Key tables that stay in memory, 20 kB each. */
export const MAX_CACHED_KEY_TABLES = 64

/** How often an erasure is tried anew because something newer was written meanwhile. */
export const MAX_ERASE_ATTEMPTS = 5

/** Erasures that a log remembers; beyond it the oldest is forgotten, though not its effect. */
export const MAX_ERASURES = 4_096

/** Devices whose confirmation is noted for one erasure. */
export const MAX_ERASURE_DEVICES = 256

/** Characters of the reason of an erasure. */
export const MAX_REASON_CHARACTERS = 512

/** Bytes of a fingerprint. */
export const FINGERPRINT_BYTES = 32

/** Bytes of an entry's id in a reconciliation: a part of its fingerprint, which the initiator picks anew each time. Two that are the same by chance, or by 2^56 attempts, then differ the next time. */
export const RECONCILE_ID_BYTES = 8

/** Parts into which reconciliation cuts a range that differs: a third of the legs of 2, for 1.3 times the bytes. */
export const DEFAULT_SPLIT_PARTS = 16

/** Entries of a range up to which reconciliation names them one by one. */
export const DEFAULT_SPLIT_THRESHOLD = 32

/** Ids of entries in one message of a reconciliation. */
export const MAX_RANGE_IDS = 256

/** Entries that a reconciliation reads at a time; more than {@link MAX_RANGE_IDS}, so that one page tells whether there are more. */
export const RECONCILE_PAGE_ENTRIES = 257

/** Bytes of a reconciliation message above which the next one is begun: with one more entry of the longest kind it stays below a channel's limit. */
export const RECONCILE_MESSAGE_BYTES = 65_536

/** Entries that the initiator compares at once; a larger store goes in pieces, one after the other. */
export const MAX_ROOT_ENTRIES = 131_072

/** Levels of parts of parts. An honest pair needs two for each time that a store can be halved. */
export const MAX_RECONCILE_DEPTH = 64

/** Ranges of one peer that wait for an answer; beyond it the session ends. Pieces of {@link MAX_ROOT_ENTRIES} need about 8,192. */
export const MAX_OPEN_RANGES = 65_536

/** Bytes of memory, about, of the ranges that wait and of ids named in them: 64 MiB. Honest peers need about 36 MiB: 8,192 ranges with {@link DEFAULT_SPLIT_THRESHOLD} ids each. */
export const MAX_OPEN_RANGE_BYTES = 67_108_864

/** Bytes that an id in a question that waits takes in memory: it is a string in a set. */
export const RECONCILE_ID_MEMORY_BYTES = 120

/** Bytes that a decoded entry takes in memory, without its path and its delegations. */
export const ENTRY_MEMORY_BYTES = 1_024

/** Bytes that each delegation of an entry takes in memory, without the path of its area. */
export const DELEGATION_MEMORY_BYTES = 128

/** Bytes of memory of the entries of one sync message, beyond which nothing may follow in it: decoded they are longer than on the wire. */
export const MESSAGE_ENTRY_BYTES = 1_048_576

/** Ranges that a peer may ask about in one reconciliation. */
export const MAX_RECONCILE_RANGES = 4_194_304

/** Bytes that a peer may send in one reconciliation: 4 GiB, entries included, payloads not. */
export const MAX_RECONCILE_BYTES = 4_294_967_296

/** Places above entries at which nothing is held, remembered so that they need not be looked up for every entry; about 100 bytes each. */
export const MAX_KNOWN_VACANT = 4_096

/** Characters of a capability as a text: a chain of 128 delegations with paths of 500 bytes. */
export const MAX_CAPABILITY_TEXT_CHARACTERS = 131_072

/** Devices of a namespace that are listed: one more takes the place of the one not seen for longest that no receipt waits for, or is not listed itself. */
export const MAX_KNOWN_DEVICES = 256

/** Devices of a namespace of which only the id is remembered, for want of a place in the list: 64 characters each. More are not counted. */
export const MAX_UNLISTED_DEVICES = 1_024

/** Tombstones that one erasure gets in one start for those who may read only a part of it; others stay unconfirmed. */
export const MAX_COVERS_PER_ERASURE = 256

/** Dates that the sentence of a receipt names one by one. */
export const MAX_RECEIPT_DATES = 3

/** Namespaces that one Willow has open: each has caches of its own. */
export const MAX_OPEN_NAMESPACES = 64

/** Bytes of an entry that is read or written in one piece: 64 MiB. Larger ones are streamed. */
export const MAX_READ_BYTES = 67_108_864

/** Milliseconds that clocks may differ before it is said, unless asked otherwise: ten minutes. */
export const DEFAULT_MAX_AHEAD_MS = 600_000

/** Milliseconds that one timer can wait for: Node and browsers keep 31 bits. */
export const MAX_TIMER_MS = 2_147_483_647

/** How often a write is tried anew because somebody wrote at the same place meanwhile. */
export const MAX_WRITE_ATTEMPTS = 5

/** Bytes of the random number with which an end of a sync channel challenges the other. */
export const SYNC_NONCE_BYTES = 32

/** Keys that a peer may prove on one channel: the node's own key comes on top. */
export const MAX_PROVEN_KEYS = 8

/** Read capabilities that a peer may show on one channel: each costs signature checks. */
export const MAX_SHOWN_CAPABILITIES = 64

/** Bytes of shown capabilities in one message, so that it fits a channel. */
export const MAX_SHOWN_BYTES = 196_608

/** Areas that two peers share on one channel; each is reconciled by itself. */
export const MAX_SHARED_AREAS = 64

/** Bytes handed to a sync channel and not yet taken, beyond which nothing more is read from the store for it. */
export const MAX_UNSENT_SYNC_BYTES = 1_048_576

/** Bytes handed to a sync channel and not yet taken, beyond which live entries are left to the next reconciliation. */
export const MAX_UNSENT_LIVE_BYTES = 4_194_304

/** Bytes handed to a sync channel and not yet taken, beyond which the peer is ended: it asks and does not read. */
export const MAX_UNREAD_SYNC_BYTES = 33_554_432

/** Bytes of memory of what came on a sync channel and waits for the store, entries and payloads, beyond which the next message waits: about 2,000 entries. */
export const MAX_UNSTORED_SYNC_BYTES = 2_097_152

/** Bytes of a payload in one message. */
export const PAYLOAD_MESSAGE_BYTES = 65_536

/** Payloads that are received from one peer at a time. */
export const MAX_PAYLOADS_RECEIVED = 4

/** Milliseconds in which a peer must send {@link PAYLOAD_MESSAGE_BYTES} more of a payload, or its end, unless asked otherwise: else it is had from others. Of four at a time that needs 2,200 bytes per second. */
export const DEFAULT_PAYLOAD_STALL_MS = 120_000

/** Payloads that others were receiving and that are tried again when one of them is through; more than {@link MAX_PAYLOAD_WRITERS}, so that those that are still busy never hide the rest. */
export const MAX_RETRIED_PAYLOADS = 256

/** Payloads that one peer may receive from this end at a time; a further request breaks the protocol. */
export const MAX_PAYLOADS_SERVED = 4

/** Payloads that are known to be had from one peer and wait; beyond it the largest are left to the next reconciliation. */
export const MAX_WANTED_PAYLOADS = 16_384

/** Erasures sent live whose confirmation one peer owes; older ones are confirmed by the next reconciliation. */
export const MAX_UNCONFIRMED_ERASURES = 1_024

/** Bytes of a payload above which a metered device waits until somebody asks. */
export const DEFAULT_DEFER_ABOVE_BYTES = 65_536

/** Milliseconds before a sync channel that ended is opened again: doubled each time, up to the second number. */
export const SYNC_REOPEN_DELAY_MS = 250

/** See {@link SYNC_REOPEN_DELAY_MS}. */
export const MAX_SYNC_REOPEN_DELAY_MS = 30_000

/** Channels of one namespace at a time, with all peers. */
export const MAX_SYNC_CHANNELS = 256

/** Peers of which it is remembered when they were last seen; beyond it the one not seen for longest is forgotten. */
export const MAX_SEEN_PEERS = 1_024

/** Live events of the store that wait for a sync; beyond it every peer is reconciled again. */
export const SYNC_EVENT_BUFFER = 4_096

/** Bytes of a piece of an exported drop, about. */
export const DROP_CHUNK_BYTES = 65_536

/** Bytes of one record of a drop without its payload: a longest path, and a token of 128 delegations. */
export const MAX_DROP_RECORD_BYTES = 1_048_576

/** Bytes of short payloads of a drop that are stored together with their entries. */
export const MAX_DROP_BATCH_BYTES = 4_194_304

/** Records of an imported drop, unless asked otherwise. */
export const DEFAULT_DROP_RECORDS = 1_000_000

/** Bytes of an imported drop, unless asked otherwise: 4 GiB. */
export const DEFAULT_DROP_BYTES = 4_294_967_296

/** Bytes of one payload of an imported drop, unless asked otherwise: 1 GiB. */
export const DEFAULT_DROP_PAYLOAD_BYTES = 1_073_741_824n
