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
export {
  automergeToPresence,
  goodbyeToAutomerge,
  presenceToAutomerge,
  type AutomergePresenceMessage,
  type AutomergePresenceNews,
} from './presence/automerge.ts'
export {
  createPresence,
  PRESENCE_TOPIC,
  type Presence,
  type PresenceEvent,
  type PresenceEvents,
  type PresenceInit,
  type PresenceRooms,
} from './presence/presence.ts'
export type { PresentPeer } from './presence/room.ts'
export type { PresenceState } from './presence/wire.ts'
export {
  CAPABILITIES_TOPIC,
  createCapabilityDirectory,
  type CapabilityDirectory,
  type CapabilityDirectoryInit,
  type CapabilityEvents,
  type CapabilityName,
} from './announcements/capabilities.ts'
export type { Capabilities } from './announcements/capability-wire.ts'
export {
  createDocumentAnnouncer,
  DOCUMENTS_TOPIC,
  type DocumentAnnouncer,
  type DocumentAnnouncerInit,
} from './announcements/documents.ts'
