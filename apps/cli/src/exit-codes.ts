/** What the command's exit status means; documented in the README. */
export const exitCodes = {
  /** Done. */
  ok: 0,
  /** It did not work: the message says why and what to do. */
  failed: 1,
  /** The command line is not understood. */
  usage: 2,
  /** No node is running for this data directory. */
  noNode: 3,
  /** Ctrl-C ended a command before it was done. `node` and `watch` run until then: for them it is `ok`. */
  interrupted: 130,
} as const
