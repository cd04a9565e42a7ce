/** Every bound of the sync engine, with its unit and reason. */

/** Segments of a path: deeper trees are a sign of data in names. */
export const MAX_PATH_SEGMENTS = 32

/** UTF-8 bytes of one segment: what file systems allow, so that paths can be exported. */
export const MAX_SEGMENT_BYTES = 255

/** UTF-8 bytes of a whole path. */
export const MAX_PATH_BYTES = 1_024

/** UTF-8 bytes of a database id, as it stands in signed messages and keys. */
export const MAX_DATABASE_ID_BYTES = 1_024

/** Bytes of one message of the sync protocol: a channel's limit. */
export const MAX_SYNC_MESSAGE_BYTES = 262_144

/** Messages of one peer, through all its channels, that are taken in a second; further ones wait. Three answers come with each of a few thousand documents. */
export const MAX_MESSAGES_PER_SECOND = 20_000

/** Messages of one peer that are taken at once, however fast they come, before {@link MAX_MESSAGES_PER_SECOND} counts. */
export const MAX_MESSAGE_BURST = 50_000

/** Bytes of a document, saved or as a batch of changes: 64 MiB. An edit beyond it is refused; a peer's changes as well, and then the document is no longer merged with that peer. */
export const MAX_DOCUMENT_BYTES = 67_108_864

/** Bytes that a transferred batch may have besides its changes: heads, and the longest proofs of {@link MAX_ACTORS}. */
export const MAX_BATCH_OVERHEAD_BYTES = 5_242_880

/** Statements that one signature may stand for: the path of each has at most 10 hashes. */
export const MAX_SIGNED_TOGETHER = 1_024

/** Statements that this device signs together: 2 bytes for each in place of 64, and a path of 6 hashes where one lies by itself. */
export const SIGNED_TOGETHER = 64

/** Statements of one kind, signed alone, that wait to be signed together; of more the oldest stay as they are. */
export const MAX_SIGNED_ALONE = 4_096

/** Statements of one kind that are signed together when the program ends: for fewer a write is not worth it. */
export const MIN_SIGNED_TOGETHER = 16

/** Inflated bytes for each byte of a received batch, summed over all its levels and counted on real output; looked at from {@link FEW_INFLATED_BYTES} on. */
export const MAX_INFLATE_RATIO = 100

/** Inflated bytes of one received batch, summed over all its levels: 64 MiB, the largest document. */
export const MAX_INFLATED_BYTES = 67_108_864

/** Inflated bytes that are harmless however few bytes they came in: 1 MiB. Ten thousand spaces are an honest text of 28 bytes. */
export const FEW_INFLATED_BYTES = 1_048_576

/** Operations of one batch, summed before Automerge sees it; a change counts as one at least. */
export const MAX_BATCH_OPERATIONS = 1_000_000

/** Operations for each byte of a received batch, looked at from {@link FEW_OPERATIONS} on: run lengths make millions out of a few bytes. */
export const MAX_OPERATIONS_PER_BYTE = 64

/** Operations that are harmless however few bytes they came in. */
export const FEW_OPERATIONS = 100_000

/** Operations of a batch or a stored document from which on a thread of its own opens it first: half a second of CPU and more. A long text of 260,000 keystrokes is opened at once. */
export const VET_FIRST_OPERATIONS = 500_000

/** Operations of a saved document from which on it is opened by itself, if all that is here is in it, and not brought into what is open. */
export const FEW_OPENED_OPERATIONS = 1_000

/** Milliseconds of CPU that opening a document may take in the vetting thread; then it is stopped. */
export const MAX_VETTING_CPU_MS = 5_000

/** As {@link MAX_VETTING_CPU_MS}, on the clock, for machines with other things to do. */
export const MAX_VETTING_WALL_MS = 20_000

/** Megabytes of JavaScript objects in the vetting thread. Automerge's own memory lies beside; the limits of operations and inflated bytes bound it. */
export const MAX_VETTING_HEAP_MB = 256

/** Milliseconds until a vetting thread is started again that could not be, or went with the page that had lent it. */
export const VETTING_RETRY_MS = 1_000

/** Documents that wait for the vetting thread, for all peers; further ones are refused and can be asked for again. */
export const MAX_VETTINGS = 16

/** Columns of one table of Automerge's format, which has less than 20. */
export const MAX_COLUMNS = 64

/** Objects inside objects of a document: deeper ones make `JSON.stringify` throw. */
export const MAX_VALUE_DEPTH = 64

/** Newest changes of a document; each is 32 bytes in every announcement. One edit joins them. */
export const MAX_HEADS = 512

/** Newest changes that an initial value leaves in a document, one for each key at its top; of more, each so many are joined by an empty change. */
export const MAX_INITIAL_HEADS = 256

/** Newest changes of a document in the store of this device: more than {@link MAX_HEADS}, so that what an earlier version stored can be opened. */
export const MAX_STORED_HEADS = 65_536

/** Hashes that a peer names as a help to find what it lacks. */
export const MAX_HAVE_HASHES = 64

/** Hashes that the changes of one bundle build on and that are not in it: each change names those that it merges. */
export const MAX_BUNDLE_DEPENDENCIES = 65_536

/** Newest changes of a document up to which it is remembered what a peer has stored of it; of more a digest. */
export const MAX_ACKNOWLEDGED_HEADS = 64

/** Documents whose edits are sent with the hello, to a peer that has stored what they build on. */
export const MAX_EARLY_DOCUMENTS = 64

/** Paths below which everything is announced to a peer without a position: a comparison of ranges would cost as much. */
export const MIN_COMPARED_PATHS = 64

/** Paths of one range: fewer make more ranges, more make more announcements that were not needed. */
export const PATHS_PER_RANGE = 4

/** Ranges of one comparison; with more paths each range is longer. */
export const MAX_RANGES = 4_096

/** Bytes of ranges that are sent, before they are deflated: with long paths they are fewer and wider. */
export const MAX_SENT_RANGES_BYTES = 196_608

/** Bytes of ranges that are taken, before they are deflated. */
export const MAX_RANGES_BYTES = 262_144

/** Bytes of a fingerprint. Two ranges that differ have the same one once in 2^40, and other ones in the next run. */
export const FINGERPRINT_BYTES = 5

/** Ranges that a peer was sent and has not answered. */
export const MAX_COMPARISONS = 4

/** Milliseconds between checks of whether an idle peer really holds the same, by default. A safety net: edits travel at once. */
export const SYNC_INTERVAL_MS = 10_000

/** Bytes of the digest of such a check. */
export const DIGEST_BYTES = 16

/** Intervals after which a difference that comparisons do not end is compared again, at most: it doubles up to that. */
export const MAX_CHECK_PAUSE = 63

/** Digests of one state of a store that are kept: one for each set of authors that peers have shown. */
export const MAX_KEPT_DIGESTS = 16

/** What a comparison counts among the {@link MAX_FRUITLESS_BATCHES}: it costs a look at every path. */
export const FRUITLESS_COMPARISON = 10

/** Actors of one batch, each with a proof: an actor is one run of one program that edits. */
export const MAX_ACTORS = 10_000

/** Entries of one announcement: what differs by one in a hundred among 10,000 documents is told in one, whose documents are asked for together. */
export const MAX_PAGE_ENTRIES = 500

/** Bytes of announced entries in one message; the rest waits for the next page. */
export const MAX_PAGE_BYTES = 65_536

/** Announcements that a peer has not yet answered; with {@link MAX_PAGE_ENTRIES} 2,000 documents. */
export const MAX_PAGES_IN_FLIGHT = 4

/** Documents that are asked for at the same time, for each peer. */
export const MAX_WANTS_IN_FLIGHT = 32

/** As {@link MAX_WANTS_IN_FLIGHT}, for documents that are small here: a page of them in one go. */
export const MAX_SMALL_WANTS_IN_FLIGHT = 512

/** Requests of one peer that wait to be served; beyond it the peer breaks the protocol. */
export const MAX_WAITING_WANTS = 1_000

/** Bytes handed to one peer's channel and not yet taken, beyond which no further request is served. */
export const MAX_OUTGOING_BYTES = 4_194_304

/** Bytes handed to one peer's channel beyond {@link MAX_OUTGOING_BYTES} before it is ended: one largest batch, and answers to what the peer sends without reading. */
export const MAX_UNSENT_BYTES = 75_497_472

/** Messages handed to one peer's channel and not yet taken, beyond which it is ended: small ones cost more than their bytes. */
export const MAX_UNSENT_MESSAGES = 65_536

/** Bytes of one peer's batches that are incomplete or wait for their document to be read, beyond which its channel is ended: one largest batch and half of another. */
export const MAX_PEER_INCOMING_BYTES = 100_663_296

/** As {@link MAX_PEER_INCOMING_BYTES}, of all peers together: whoever goes beyond it is ended, and may come back. */
export const MAX_INCOMING_BYTES = 268_435_456

/** Hashes of heads that are remembered of one peer; each document counts as one more. Beyond it the oldest document is forgotten. */
export const MAX_KNOWN_HEADS = 65_536

/** Certificates that a peer may show. */
export const MAX_CERTIFICATES = 4

/** Milliseconds that an author's certificate for its own node lasts: 30 days, renewed at each start. */
export const CERTIFICATE_LIFETIME_MS = 2_592_000_000

/** Bytes of an encoded record of the catalogue: a path, at most 512 bytes besides, and {@link MAX_COVERED_HEADS}. */
export const MAX_RECORD_BYTES = 2_560

/** Heads that a deletion names. Of a document that has more, what is under the others counts as not deleted. */
export const MAX_COVERED_HEADS = 32

/** Actors of a deleted document that are remembered when its bytes go; of one with more, a copy that comes later cannot be told to be old, and stays. */
export const MAX_REMEMBERED_ACTORS = 256

/** Records of a database, all of which stay in memory, about 1 KB each. Further ones are refused, from peers and from this device. */
export const MAX_RECORDS = 262_144

/** Authors of records whose ids are kept once for all their records; beyond it they are gathered anew. */
export const MAX_SHARED_AUTHORS = 1_024

/** Paths under which one document has ever lain: each of them is asked for its rules. */
export const MAX_PATHS_PER_DOCUMENT = 1_024

/** Records of one path. Each deletion and each new start of a path is one. */
export const MAX_RECORDS_PER_PATH = 4_096

/** Records that wait for their predecessor; beyond it the newest is refused. */
export const MAX_PENDING_RECORDS = 1_000

/** Unproven or damaged batches of a peer before its channel is ended. */
export const MAX_FAULTS = 3

/**
 * Batches that brought nothing new or were not allowed, requests for what the peer has, and
 * records beyond a limit, before the channel is ended. Each change of a document takes
 * one off: in a ring the same news comes from both sides.
 */
export const MAX_FRUITLESS_BATCHES = 1_000

/** Times that a document is asked for before it is given up for this peer: once, and once from scratch. */
export const MAX_ASK_ROUNDS = 2

/** Bytes of one value that a document is stored in; a longer snapshot lies in several. The store's own limit is four times as high. */
export const MAX_CHUNK_BYTES = 16_777_216

/** Values beyond {@link MAX_CHUNKS} that the largest snapshot and the last changes can take. */
export const MAX_CHUNK_PIECES = 16

/** Chunks of a document before they are joined into one. */
export const MAX_CHUNKS = 64

/** Bytes of chunks that never call for joining: joining small documents all the time costs more than it gains. */
export const SMALL_CHUNKS_BYTES = 4_096

/** Documents without an open handle that stay in memory. */
export const MAX_IDLE_DOCUMENTS = 64

/** Bytes of stored documents without an open handle that stay in memory. */
export const MAX_IDLE_BYTES = 33_554_432

/** Bytes of documents in one write, beyond which the rest goes into the next one. */
export const MAX_FLUSH_BYTES = 16_777_216

/** Operations of one write, beyond which the rest goes into the next one: with the proofs of one more document it stays below what a store takes. */
export const MAX_FLUSH_OPERATIONS = 50_000

/** Proofs of one document that wait for their write, beyond which a batch is refused: they are written together with its changes. */
export const MAX_UNWRITTEN_PROOFS = 20_000

/** Milliseconds before a write is tried again that the store refused because others had filled its queue. */
export const STORE_RETRY_DELAY_MS = 100

/** Documents in one write. */
export const MAX_FLUSH_DOCUMENTS = 1_000

/** Milliseconds before a channel that ended is opened again: doubled each time, up to the second number. */
export const REOPEN_DELAY_MS = 250

/** See {@link REOPEN_DELAY_MS}. */
export const MAX_REOPEN_DELAY_MS = 30_000

/** Lives of a store that are remembered; a peer that knows an older one compares everything. */
export const MAX_RUNS = 64

/** Of these, the newest that are remembered although nothing arrived in them: peers that were met in one name it. */
export const MAX_IDLE_RUNS = 16

/** Peers whose acknowledgement of a document is remembered across restarts. */
export const MAX_ACKNOWLEDGING_PEERS = 64

/** Peers whose position is remembered across restarts; the others compare everything again. */
export const MAX_KNOWN_PEERS = 1_024

/** Peers at the same time. */
export const MAX_PEERS = 256

/** Channels of one peer; a further one ends the oldest. Two programs with one key may run at once, and a dead channel may linger. */
export const MAX_CHANNELS_PER_PEER = 4

/** Milliseconds after the status of a database was told, in which it is not told again. */
export const STATUS_PAUSE_MS = 20

/** Milliseconds before a peer is told a position that brings no news: enough to gather a burst. */
export const POSITION_DELAY_MS = 1_000

/** Bytes of a stored document up to which it travels together with others in one message; larger ones travel alone. */
export const MAX_BUNDLED_DOCUMENT_BYTES = 16_384

/** Bytes of documents that are gathered for one message before they are deflated; with one more document and its proofs it stays below {@link MAX_DOCUMENTS_BYTES}. */
export const BUNDLE_BYTES = 196_608

/** Inflated bytes of one message with many documents. */
export const MAX_DOCUMENTS_BYTES = 524_288

/** Proofs of a document that travels together with others. */
export const MAX_BUNDLED_PROOFS = 64

/** Small documents that are read from the store at once. */
export const READ_TOGETHER = 256

/** Bytes of a batch that is sent without being asked for: one message, with room for its head. What is larger is announced. */
export const MAX_LIVE_BYTES = 262_000

/** Changes of a document that are remembered in the order in which they came, so that live edits need no look into the history. At most twice as many between two clearings. */
export const MAX_LOGGED_CHANGES = 2_048

/** Bytes of the changes that are remembered of one document: 512 KiB. */
export const MAX_LOGGED_BYTES = 524_288

/** Documents whose last changes are remembered; beyond it the longest unused are forgotten, and their next edits are looked up. */
export const MAX_LOGS = 1_024

/** Changes that are taken without opening their document and wait for their write; with those of the write that is under way they fit into what is remembered. */
export const MAX_APPENDED_CHANGES = 384

/** Changes that an open document which nobody holds may be behind: then it is closed. */
export const FORGOTTEN_CHANGES = 64

/** As {@link MAX_APPENDED_CHANGES}, in bytes: 96 KiB. */
export const MAX_APPENDED_BYTES = 98_304

/** Bytes of later changes, written one behind the other, that never call for a new snapshot: 256 KiB, one or two thousand edits. */
export const MAX_LATER_BYTES = 262_144

/** Bytes of the last chunks that are kept to be joined when there are too many: 1 MiB. */
export const MAX_TAIL_BYTES = 1_048_576

/** Messages of live edits of one document to one peer that it need not answer at once. */
export const MAX_LIVE_WINDOW = 8

/** How many times as long as a round of live edits took a node rests before the next one: it spends at most a fifth of its time on passing edits on. */
export const LIVE_REST_FACTOR = 4

/** Milliseconds of rest between two rounds of live edits, at most. */
export const MAX_LIVE_REST_MS = 100

/** Messages of live edits that a peer has not said to have stored; beyond it further edits wait. */
export const MAX_SENT_EDITS = 1_024

/** Documents of one peer that travel as live edits; the others are announced. */
export const MAX_LIVE_DOCUMENTS = 4_096

/** Documents of which a peer has sent live edits that it has not said to have stored; the others are announced. */
export const MAX_TAKEN_DOCUMENTS = 4_096

/** Live edits of an open document from which on they travel as a bundle, to peers that take one. */
export const MANY_EDITS = 256

/** Milliseconds after a write in which edits are gathered for the next one, unless somebody waits. */
export const WRITE_PAUSE_MS = 50

/** Further milliseconds in which edits of others and acknowledgements are gathered: they are on somebody's disk already, or are told again. */
export const LONG_WRITE_PAUSE_MS = 200

/** Bytes of later changes of a document that is not open, beyond which it is opened to be written anew: 1 MiB. */
export const MAX_CLOSED_LATER_BYTES = 1_048_576
/** Entries of a document's history that are given at once. */
export const MAX_HISTORY_ENTRIES = 10_000

/** Own changes of an open handle that `undo` remembers; the oldest is forgotten. */
export const MAX_UNDO_STEPS = 1_000

/** Bytes of one broadcast: cursors and names, not content. */
export const MAX_BROADCAST_BYTES = 16_384

/** Broadcasts in a second, of this device and taken from each peer; further ones are refused here, and dropped there. */
export const MAX_BROADCASTS_PER_SECOND = 100

/** Bytes that wait for a peer's channel, beyond which it is sent no broadcasts: by the time they arrive nobody cares. */
export const MAX_BROADCAST_BACKLOG_BYTES = 262_144

/** Milliseconds before a write is tried again for which there was no room. */
export const STORE_FULL_RETRY_MS = 1_000

/** Blobs of one document that are remembered, 32 bytes each: 128 KiB. One that names more is opened whenever somebody asks for a blob that no other document names. */
export const MAX_BLOBS_PER_DOCUMENT = 4_096

/** Bytes of a file that holds a part of a database: it is written and read as a whole. */
export const MAX_SPACE_FILE_BYTES = 268_435_456

/** Operations of one call of `addOperations`. */
export const MAX_OPERATIONS = 1_000_000

/** Operations that are worked on at the same time: each may hold a document open. */
export const MAX_OPERATIONS_AT_ONCE = 10_000
/** Changes that a foreign peer's message may ask for by hash: beyond, it asks again with the next one. */
export const MAX_NEEDED_CHANGES = 10_000

/** Probes of a foreign peer's Bloom filter: each is computed for each of our changes. Automerge uses 7. */
export const MAX_BLOOM_PROBES = 16

/** Changes of a foreign peer that wait for their past, for one document and connection. Beyond, the connection is to be ended. */
export const MAX_WAITING_CHANGES = 10_000

/** Bytes of such changes: 16 MiB. */
export const MAX_WAITING_CHANGE_BYTES = 16_777_216

/** Number of a document's last operation: opening it takes memory for each number, used or not. */
export const MAX_OPERATION_NUMBER = 16_777_216

/** Numbers that a change may leave out behind those that it builds on; with changes beside it, it does. */
export const MAX_OPERATION_GAP = 1_048_576

/** New changes of one call that are each put together again to see that they are whole. Of more, the document is saved and opened instead. */
export const MAX_REBUILT_CHANGES = 500

/** Messages of a client link that are on their way in one direction; what is said meanwhile waits, and is said together. */
export const MAX_LINK_MESSAGES = 8

/** Bytes of edits that wait in the application's thread until the worker has taken earlier ones: 64 MiB. */
export const MAX_LINK_QUEUED_BYTES = 67_108_864

/** Milliseconds that the worker of a page goes on listening when the page's lock is free: what the page said before its end may come later. */
export const PAGE_END_GRACE_MS = 1_000
