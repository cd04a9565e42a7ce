import { isVudoError, VudoError, type VudoErrorOptions } from '@vudo/transport'

/** Stable reasons why gossip refuses. */
export type GossipErrorCode =
  /** It was closed, or the topic was left: nothing more can be published or read. Join again. */
  | 'ERR_GOSSIP_CLOSED'
  /** A payload has 0 bytes or more than `MAX_PAYLOAD_BYTES`; nothing was sent. Publish a reference. */
  | 'ERR_GOSSIP_PAYLOAD_SIZE'
  /** A presence state has more than `MAX_STATE_BYTES`; nothing was shown. Put data into a document, and its path here. */
  | 'ERR_GOSSIP_STATE_SIZE'
  /** A neighbour sent what the protocol does not allow. It costs the neighbour score, and after repeated faults its session. */
  | 'ERR_GOSSIP_PROTOCOL'
  /** Somebody reads the topic already: a topic has one reader. Read it in one place, or end that loop first. */
  | 'ERR_GOSSIP_READER'
  /** A limit is reached; the message names it. */
  | 'ERR_GOSSIP_LIMIT'

/** What gossip throws; tell cases apart by {@link GossipError.code}. */
export class GossipError extends VudoError {
  override readonly name = 'GossipError'
  declare readonly code: GossipErrorCode

  // Narrows the code: a misspelled one does not compile.
  // oxlint-disable-next-line typescript/no-useless-constructor -- it is the type that is useful
  constructor(code: GossipErrorCode, message: string, options?: VudoErrorOptions) {
    super(code, message, options)
  }
}

/** Tells whether gossip threw `error`, whichever copy of the package made it. */
export function isGossipError(error: unknown): error is GossipError {
  return isVudoError(error) && error.name === 'GossipError'
}
