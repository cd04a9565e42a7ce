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

/** Bytes that a transferred batch may have besides its changes: proofs and heads. */
export const MAX_BATCH_OVERHEAD_BYTES = 2_097_152

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

/** Milliseconds of CPU that opening a document may take in the vetting thread; then it is stopped. */
export const MAX_VETTING_CPU_MS = 5_000

/** As {@link MAX_VETTING_CPU_MS}, on the clock, for machines with other things to do. */
export const MAX_VETTING_WALL_MS = 20_000

/** Megabytes of JavaScript objects in the vetting thread. Automerge's own memory lies beside; the limits of operations and inflated bytes bound it. */
export const MAX_VETTING_HEAP_MB = 256

/** Documents that wait for the vetting thread, for all peers; further ones are refused and can be asked for again. */
export const MAX_VETTINGS = 16

/** Columns of one table of Automerge's format, which has less than 20. */
export const MAX_COLUMNS = 64

/** Objects inside objects of a document: deeper ones make `JSON.stringify` throw. */
export const MAX_VALUE_DEPTH = 64

/** Newest changes of a document; each is 32 bytes in every announcement. One edit joins them. */
export const MAX_HEADS = 512

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

/** What a comparison counts among the {@link MAX_FRUITLESS_BATCHES}: it costs a look at every path. */
export const FRUITLESS_COMPARISON = 10

/** Actors of one batch, each with a proof: an actor is one run of one program that edits. */
export const MAX_ACTORS = 10_000

/** Entries of one announcement. */
export const MAX_PAGE_ENTRIES = 250

/** Bytes of announced entries in one message; the rest waits for the next page. */
export const MAX_PAGE_BYTES = 65_536

/** Announcements that a peer has not yet answered; with {@link MAX_PAGE_ENTRIES} 1,000 documents. */
export const MAX_PAGES_IN_FLIGHT = 4

/** Documents that are asked for at the same time, for each peer. */
export const MAX_WANTS_IN_FLIGHT = 32

/** As {@link MAX_WANTS_IN_FLIGHT}, for documents that are small here: a page of them in one go. */
export const MAX_SMALL_WANTS_IN_FLIGHT = 256

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

/** Bytes of an encoded record of the catalogue: a path and at most 256 bytes besides. */
export const MAX_RECORD_BYTES = 1_280

/** Records of a database, all of which stay in memory, about 1 KB each. Further ones are refused, from peers and from this device. */
export const MAX_RECORDS = 262_144

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

/** Milliseconds before a peer is told a position that brings no news: enough to gather a burst. */
export const POSITION_DELAY_MS = 1_000

/** Bytes of a stored document up to which it travels together with others in one message; larger ones travel alone. */
export const MAX_BUNDLED_DOCUMENT_BYTES = 16_384

/** Bytes of documents that are gathered for one message before they are deflated; with one more document and its proofs it stays below {@link MAX_DOCUMENTS_BYTES}. */
export const BUNDLE_BYTES = 196_608

/** Inflated bytes of one message with many documents. */
export const MAX_DOCUMENTS_BYTES = 524_288

/** Proofs of a document that travels together with others. */
export const MAX_BUNDLED_PROOFS = 256

/** Small documents that are read from the store at once. */
export const READ_TOGETHER = 256

/** Bytes of a batch that is sent without being asked for: one message, with room for its head. What is larger is announced. */
export const MAX_LIVE_BYTES = 262_000
