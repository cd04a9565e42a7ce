/** Every bound of this package, with its unit and reason. */

/** Bytes of one message of automerge-repo: 64 MiB and some. A whole document may travel in one. */
export const MAX_REPO_MESSAGE_BYTES = 68_157_440

/** Bytes of the unfinished messages of one peer, and of messages that one peer does not take: as many as one message has. Beyond, its channel is ended. */
export const MAX_PEER_BYTES = 75_497_472

/** Bytes of the unfinished messages of all peers of an adapter: 256 MiB. Beyond, the channel that holds the most is ended. */
export const MAX_UNFINISHED_BYTES = 268_435_456

/** How long the next part of an unfinished message may take, in milliseconds. Then its channel is ended. */
export const UNFINISHED_TIMEOUT_MS = 60_000

/** Messages that a peer does not take. Beyond, its channel is ended; the next one begins the sync anew. */
export const MAX_UNSENT_MESSAGES = 65_536

/** Characters of a peer id, a session id or a storage id. */
export const MAX_ID_LENGTH = 256

/** Entries of a list or map in a message: storage ids, or heads. */
export const MAX_LIST_ENTRIES = 1_000

/** Values in one message, however they lie in each other: bounds what is built out of a frame before it is looked at. */
export const MAX_MESSAGE_VALUES = 10_000

/** How deep maps and lists of a message may lie in each other. */
export const MAX_MESSAGE_DEPTH = 8

/** Bytes of an ephemeral message that a peer of the dialect may have passed on: 64 KiB. Larger ones are dropped. */
export const MAX_EPHEMERAL_BYTES = 65_536

/** Sources of ephemeral messages that one peer may pass on: automerge-repo remembers each for ever. Further ones are dropped. */
export const MAX_EPHEMERAL_SOURCES = 1_000

/** How long an adapter waits for a first peer before a Repo may call documents unavailable, in milliseconds: as long as automerge-repo's own adapters. */
export const READY_GRACE_MS = 1_000

/** First pause before a channel or socket is opened again, in milliseconds; it doubles each time. */
export const REOPEN_DELAY_MS = 250

/** Longest such pause, in milliseconds. */
export const MAX_REOPEN_DELAY_MS = 30_000

/** Documents that one peer of the dialect has open at a time; the least recently used one closes, and opens again when it is needed. */
export const MAX_OPEN_DOCUMENTS = 100

/** Documents that one peer of the dialect may follow. Further ones are unavailable to it. */
export const MAX_FOLLOWED_DOCUMENTS = 10_000

/** Documents that one peer of the dialect may begin while it is connected. Further ones are refused. */
export const MAX_NEW_DOCUMENTS = 1_000

/** Peers of a dialect server at a time, by default. */
export const MAX_REPO_PEERS = 256

/** Messages of one peer that wait to be worked on; then its socket is not read. */
export const MAX_WAITING_MESSAGES = 64

/** Bytes that a socket may bring before its first message is whole: 128 KiB. Then it is ended. */
export const MAX_FIRST_BYTES = 131_072

/** Bytes that the sockets of a server hold together, unfinished, waiting or not taken: 256 MiB. Beyond, the one that holds the most is ended. */
export const MAX_SERVED_BYTES = 268_435_456

/** Bytes of such messages: 8 MiB. One larger message is read all the same. */
export const MAX_WAITING_BYTES = 8_388_608

/** How long a peer may take to say who it is, in milliseconds. */
export const JOIN_TIMEOUT_MS = 10_000

/** Pause between pings, in milliseconds: a peer that has not answered by the next one is gone. As automerge-repo's server. */
export const KEEP_ALIVE_MS = 5_000

/** Changes of this many milliseconds go to a peer of the dialect together: its protocol costs more with each message. */
export const PUSH_DELAY_MS = 10

/** How long the answer for a document may take before the next one is asked for, in milliseconds. */
export const ANSWER_TIMEOUT_MS = 10_000

/** Records that are removed in one atomic write: what a store takes. */
export const MAX_REMOVED_TOGETHER = 50_000

/** Bytes of a file in a directory of NodeFS: as many as a value of our store. */
export const MAX_FILE_BYTES = 67_108_864

/** Files of one range in a directory of NodeFS. */
export const MAX_DIRECTORY_FILES = 1_000_000

/** Folders inside each other in a directory of NodeFS; its own are four deep. */
export const MAX_DIRECTORY_DEPTH = 16
