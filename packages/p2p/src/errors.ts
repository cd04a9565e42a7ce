import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why the facade itself can fail; what the packages below throw passes through. */
export type P2PErrorCode =
  /** The node is stopped, or was stopped while the call was waiting. Call `start` or `initialize` first. */
  | 'ERR_P2P_STOPPED'
  /** The node has not joined the network. Call `start` first. */
  | 'ERR_P2P_NOT_STARTED'
  /** The configuration file cannot be read. The message names the path, the cause says why. */
  | 'ERR_CONFIG_UNREADABLE'
  /** No protocol of the application may have that name: those that begin with `/vudo/` are ours. */
  | 'ERR_PROTOCOL_RESERVED'
  /** The file of the ticket cannot be read. The message names the path, the cause says why. */
  | 'ERR_TICKET_FILE_UNREADABLE'
  /** The file of the ticket does not hold a ticket. Restore it from a backup, or name the database. */
  | 'ERR_TICKET_FILE_INVALID'
  /** Others on this machine may read the ticket, which is a secret. Take the permission away: `chmod 600` and the path. */
  | 'ERR_TICKET_FILE_EXPOSED'
  /** The file of the ticket cannot be written. The message names the path, the cause says why. */
  | 'ERR_TICKET_FILE_UNWRITABLE'
  /** The option `willow` is set, and the package `@vudo/willow` is not installed. The hint is the line that installs it. */
  | 'ERR_WILLOW_MISSING'
  /** The node was made without the option `willow`. */
  | 'ERR_WILLOW_DISABLED'
  /** The option `gossip` is set, and the package `@vudo/gossip` is not installed. The hint is the line that installs it. */
  | 'ERR_GOSSIP_MISSING'
  /** The node was made without the option `gossip`. */
  | 'ERR_GOSSIP_DISABLED'
  /** The policy does not let every member read the path, and presence would reach every member. */
  | 'ERR_PRESENCE_NOT_ALLOWED'
  /** An option cannot be given to a worker: a function, an object with methods, or a transport that is imported in the other thread only. Put it into a module, and name that in `worker.module`. */
  | 'ERR_P2P_WORKER_OPTION'
  /** The worker in which the node ran has ended. What was stored is safe. The cause, or the worker's output, says why; `stop` and `start` begin a new one. */
  | 'ERR_P2P_WORKER_ENDED'
  /** The node runs in a worker, and that deals in live objects of the worker's thread. Do it in the module that `worker.module` names. */
  | 'ERR_P2P_ONLY_IN_WORKER'

/** What the facade throws; tell cases apart by {@link P2PError.code}. */
export class P2PError extends VudoError {
  override readonly name = 'P2PError'
  declare readonly code: P2PErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: P2PErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether the facade threw `error`, whichever copy of the package made it. */
export function isP2PError(error: unknown): error is P2PError {
  return isVudoError(error) && error.name === 'P2PError'
}
