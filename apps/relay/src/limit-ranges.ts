/** What each limit may be: beyond it a relay would start, and serve nobody or without a limit. */
import { RelayError } from './errors.ts'
import { DEFAULT_LIMITS, type RelayLimits } from './limits.ts'

const any = Number.MAX_SAFE_INTEGER
/** Longest time of a timer, in milliseconds. */
const longest = 2 ** 31 - 1

const ranges: Readonly<Record<keyof RelayLimits, readonly [number, number]>> = {
  maxConnections: [1, any],
  maxConnectionsPerAddress: [1, any],
  maxHalfOpen: [1, any],
  maxHalfOpenPerAddress: [1, any],
  halfOpenMs: [100, longest],
  // The welcome says it in seconds, in 16 bits.
  idleMs: [1_000, 65_535_000],
  // What the clients of `@vudo/transport-relay` take.
  maxFrameBytes: [1_024, 1_048_576],
  maxTopics: [1, 65_535],
  maxQueuedFrames: [1, any],
  maxQueuedBytes: [1_024, any],
  bytesPerSecond: [1_000, any],
  bytesPerSecondPerAddress: [1_000, any],
  bytesPerSecondPerTopic: [1_000, any],
  drainMs: [0, longest],
}

/**
 * Completes the limits with their defaults.
 *
 * @throws `RelayError` `ERR_RELAY_CONFIG` for a value outside its range.
 */
export function completeLimits(given: Partial<RelayLimits> = {}): RelayLimits {
  const limits = { ...DEFAULT_LIMITS, ...given }
  for (const name of Object.keys(ranges).filter((key) => isLimit(key))) {
    const [least, most] = ranges[name]
    const value = limits[name]
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue
    const expected = most === any ? `${least} or more` : `${least} to ${most}`
    throw new RelayError('ERR_RELAY_CONFIG', `the limit ${name} is ${value}, expected ${expected}`)
  }
  return limits
}

function isLimit(name: string): name is keyof RelayLimits {
  return Object.hasOwn(ranges, name)
}
