/**
 * Makes a complete transport out of a medium: topics, one connection for all of them,
 * securing, limits, and whom to dial when.
 *
 * @packageDocumentation
 */
export { createLinkInbox, type LinkInbox, type LinkInboxOptions } from './link-inbox.ts'
export {
  isLink,
  type Accept,
  type Announcement,
  type Incoming,
  type Medium,
  type MediumDialOptions,
} from './medium.ts'
export { systemRuntime, type Runtime } from './runtime.ts'
export { createSwarm, type SwarmOptions } from './swarm.ts'
export { createTokenBucket, type TokenBucket } from './token-bucket.ts'
export { createWaiters, type Waiter, type Waiters } from './waiters.ts'
