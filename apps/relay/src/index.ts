/**
 * A relay: forwards between peers who share a topic. It holds sockets and nothing else, and
 * what passes is encrypted end to end.
 *
 * @packageDocumentation
 */
export type { AccessRules } from './access.ts'
export type { BackPlane, BackPlaneEvents } from './back-plane.ts'
export { runRelayCommandLine } from './command-line.ts'
export type { RelayCounts } from './core.ts'
export { RelayError, type RelayErrorCode } from './errors.ts'
export * from './limits.ts'
export { connectNats } from './nats-back-plane.ts'
export { connectRedis } from './redis-back-plane.ts'
export { resetReasons, type ResetReason } from './wire.ts'
export { startRelay, type Relay, type RelayInit, type RelayLog } from './relay.ts'
