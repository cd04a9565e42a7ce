import { sha256 } from '@vudo/identity'
import { bytesToHex } from '@vudo/wire'
import { encodeCapability } from '../encoding/encode-capability.ts'
import { grantedArea, type McCapability } from './capability.ts'

/**
 * The id of a capability: SHA-256 of its canonical code, as 64 characters of hex. It
 * holds the whole chain, so two capabilities with one id are the same.
 *
 * @throws `RangeError` when a delegation widens the one before: it has no code.
 */
export function capabilityId(capability: McCapability): string {
  return bytesToHex(sha256(encodeCapability(capability)))
}

/** The timestamp from which on a capability allows nothing; `undefined` when it does not expire. */
export function expiryOf(capability: McCapability): bigint | undefined {
  return grantedArea(capability).times.end
}

/** Tells whether `capability` allows nothing at timestamp `now` or later. */
export function isExpired(capability: McCapability, now: bigint): boolean {
  const end = expiryOf(capability)
  return end !== undefined && end <= now
}
