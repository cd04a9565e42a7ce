/**
 * The typed broadcast hub: many subscribers, each with a bounded buffer; what is dropped is counted.
 *
 * @packageDocumentation
 */
export { EventsError, isEventsError, type EventsErrorCode } from './errors.ts'
export {
  createEventHub,
  type EventHub,
  type EventHubInit,
  type EventType,
  type HubEvent,
  type PublishOutcome,
  type SubscribeOptions,
} from './event-hub.ts'
export * from './limits.ts'
export type { Subscription } from './subscription.ts'
