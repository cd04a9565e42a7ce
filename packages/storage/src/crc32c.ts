/**
 * CRC-32C (Castagnoli), the checksum of iSCSI (RFC 3720 appendix B.4) and of
 * LevelDB itself: reflected polynomial 0x82f63b78, initial and final value
 * 0xffffffff. It finds damage and not forgery.
 *
 * @param parts - Summed as if they stood in one buffer.
 * @returns An integer from 0 to 2^32 − 1.
 */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let sum = 0xffffffff
  for (const part of parts) {
    for (const byte of part) sum = (table[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8)
  }
  return (sum ^ 0xffffffff) >>> 0
}

const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0)
  return sum
})
