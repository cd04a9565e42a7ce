/**
 * Gossip among the members of a database: messages with proven authors to everybody who
 * has joined a topic, over sessions of any transport.
 *
 * @packageDocumentation
 */
export { createGossip } from './create-gossip.ts'
export { GossipError, isGossipError, type GossipErrorCode } from './errors.ts'
export type {
  Gossip,
  GossipCounters,
  GossipInit,
  GossipMessage,
  GossipNetwork,
  GossipOptions,
  GossipTopic,
} from './gossip.ts'
export * from './limits.ts'
