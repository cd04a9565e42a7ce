/**
 * Which forms of a point and a scalar a strict Ed25519 verifier takes, whatever the
 * platform's library does. One file for all platforms: verifiers that disagree split a
 * network.
 */
import { bytesToHex, hexToBytes } from '@vudo/wire'

/** The first bytes of the points of small order: whatever begins otherwise is none of them. */
const smallOrderBegins: ReadonlySet<number> = new Set([0x00, 0x01, 0x26, 0xc7, 0xec, 0xed, 0xee])

/** Tells whether 32 bytes write a point canonically, and not one of small order. That it lies on the curve is left to the library. */
export function isStrictPoint(point: Uint8Array): boolean {
  if (!isBelowPrime(point)) return false
  return !(smallOrderBegins.has(point[0] ?? 0) && hasSmallOrder(point))
}

/** Tells whether y, without the sign bit, is below 2^255 − 19: else the same point has another form. */
function isBelowPrime(point: Uint8Array): boolean {
  if ((point[0] ?? 0) < 0xed || ((point[31] ?? 0) & 0x7f) !== 0x7f) return true
  for (let at = 1; at < 31; at++) if (point[at] !== 0xff) return true
  return false
}

/** The order of the group, little-endian (RFC 8032 section 5.1). */
const groupOrder = hexToBytes('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')

/** Tells whether the scalar S, 32 bytes, is below the order of the group. */
export function isBelowOrder(scalar: Uint8Array): boolean {
  for (let at = 31; at >= 0; at--) {
    const difference = (scalar[at] ?? 0) - (groupOrder[at] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/**
 * The y coordinates of the points whose order divides 8, canonical and not, as in
 * libsodium's `ge25519_has_small_order`. The sign bit in the last byte is ignored.
 */
const smallOrder: ReadonlySet<string> = new Set([
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

/**
 * Tells whether an Ed25519 key is a point of small order. OpenSSL 3.5 refuses those
 * when verifying; other versions and platforms let them through.
 */
export function hasSmallOrder(publicKey: Uint8Array): boolean {
  const y = Uint8Array.from(publicKey)
  y[31] = (y[31] ?? 0) & 0x7f
  return smallOrder.has(bytesToHex(y))
}
