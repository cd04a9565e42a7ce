/** Every bound of the command line, with its unit and reason. */

/** Bytes of a Unix socket's path: macOS takes 104 with the final zero, Linux 108. */
export const MAX_SOCKET_PATH_BYTES = 100

/** Bytes of one control message: the largest document that `read` and `write` carry, and its wrapping. */
export const MAX_CONTROL_MESSAGE_BYTES = 33_554_432

/** Commands that one control connection may have open at one time. */
export const MAX_OPEN_REQUESTS = 64

/** Commands that our side of a control connection sends before one is answered, the others wait: half of what a node takes, which counts one until its answer is written. */
export const MAX_PENDING_REQUESTS = 32

/** Items of a stream that a command may have received and not read; above it the socket waits. */
export const MAX_UNREAD_STREAM_ITEMS = 256

/** Control connections at one time. */
export const MAX_CONTROL_CONNECTIONS = 32

/** Bytes of a file that `import` takes: documents are for text that people edit. */
export const MAX_IMPORT_FILE_BYTES = 16_777_216

/** Files that one `import` takes. */
export const MAX_IMPORT_FILES = 100_000

/** Files that `import` reads and writes at one time: enough to share the disk's waits, at most 128 MiB in memory. */
export const MAX_PARALLEL_IMPORTS = 8

/** Peers, addresses and searches whose last failure a node remembers; beyond it the oldest is forgotten, but no configured address. */
export const MAX_NOTED_TROUBLES = 256

/** Failures that `vudo node` prints in one minute: strangers decide how often they are refused. */
export const MAX_TROUBLES_PER_MINUTE = 60

/** Characters of a text from a peer that is shown on one line. */
export const MAX_SHOWN_CHARACTERS = 256
