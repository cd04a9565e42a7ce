import { MAX_U64 } from '../limits.ts'

/**
 * Unix microseconds of the instant J2000 minus TAI − UTC (37 s since 2017): Willow'25
 * recommends microseconds of International Atomic Time since 2000-01-01 12:00
 * Terrestrial Time, which is 2000-01-01T11:58:55.816 UTC.
 */
const unixMicrosecondsAtZero = 946_727_967_816_000n - 37_000_000n

/**
 * The recommended timestamp of an instant from 2017 on; 0 for instants before J2000.
 *
 * @param unixMs - Milliseconds since 1970, as `Date.now()` gives them. Fractions are kept
 *   to the microsecond.
 * @throws `RangeError` when it is not finite or beyond the greatest timestamp.
 */
export function timestampFromUnixMs(unixMs: number): bigint {
  if (!Number.isFinite(unixMs)) throw new RangeError(`${unixMs} is no instant`)
  const wholeMs = Math.floor(unixMs)
  const microseconds = BigInt(wholeMs) * 1000n + BigInt(Math.floor((unixMs - wholeMs) * 1000))
  const timestamp = microseconds - unixMicrosecondsAtZero
  if (timestamp > MAX_U64) throw new RangeError(`${unixMs} ms is beyond the greatest timestamp`)
  return timestamp < 0n ? 0n : timestamp
}

/** The instant of a recommended timestamp, in milliseconds since 1970; rounded towards the past. */
export function timestampToUnixMs(timestamp: bigint): number {
  return Number((timestamp + unixMicrosecondsAtZero) / 1000n)
}
