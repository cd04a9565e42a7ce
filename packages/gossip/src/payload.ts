/** How presence and announcements are written: strict CBOR lists, vetted field by field. */
import { decodeCbor, isWireError } from '@vudo/wire'
import { GossipError } from './errors.ts'
import { MAX_PAYLOAD_BYTES } from './limits.ts'

/** Lists within lists in a payload; a presence state is bytes within it. */
const maxDepth = 8

/**
 * The list that a payload holds.
 *
 * @throws `GossipError` `ERR_GOSSIP_PROTOCOL`, whatever the bytes are.
 */
export function decodeList(bytes: Uint8Array): readonly unknown[] {
  try {
    const value = decodeCbor(bytes, { maxBytes: MAX_PAYLOAD_BYTES, maxDepth })
    if (Array.isArray(value)) return value
  } catch (cause) {
    if (!isWireError(cause)) throw cause
    throw new GossipError('ERR_GOSSIP_PROTOCOL', 'a payload is no strict CBOR', { cause })
  }
  throw refused('a payload is no list')
}

/** A list of at most `most` items. @throws `GossipError` `ERR_GOSSIP_PROTOCOL`. */
export function asList(value: unknown, most: number, what: string): readonly unknown[] {
  if (Array.isArray(value) && value.length <= most) return value
  throw refused(`${what}: expected a list of at most ${most}`)
}

/** Text of at most `most` bytes. @throws `GossipError` `ERR_GOSSIP_PROTOCOL`. */
export function asText(value: unknown, most: number, what: string): string {
  // A character has one byte at least: what is longer need not be encoded to be refused.
  const isShort = typeof value === 'string' && value.length <= most
  if (isShort && new TextEncoder().encode(value).length <= most) return value
  throw refused(`${what}: expected text of at most ${most} bytes`)
}

/** Exactly `length` bytes. @throws `GossipError` `ERR_GOSSIP_PROTOCOL`. */
export function asBytes(value: unknown, length: number, what: string): Uint8Array {
  if (value instanceof Uint8Array && value.length === length) return value
  throw refused(`${what}: expected ${length} bytes`)
}

/** A whole number from 0 on. @throws `GossipError` `ERR_GOSSIP_PROTOCOL`. */
export function asCount(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw refused(`${what}: expected a whole number`)
}

/** @throws `GossipError` `ERR_GOSSIP_PROTOCOL`. */
export function asFlag(value: unknown, what: string): boolean {
  if (typeof value === 'boolean') return value
  throw refused(`${what}: expected true or false`)
}

/** The refusal of a payload. */
export function refused(message: string): GossipError {
  return new GossipError('ERR_GOSSIP_PROTOCOL', message)
}
