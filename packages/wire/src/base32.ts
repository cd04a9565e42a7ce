/**
 * Base32 in lower case without padding (RFC 4648 section 6): for texts that people
 * copy, read out and type.
 */
import { WireError } from './errors.ts'

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** The bytes as base32, 8 characters per 5 bytes. */
export function bytesToBase32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(held >>> bits) & 31]
    }
    held &= 31
  }
  if (bits > 0) text += alphabet[(held << (5 - bits)) & 31]
  return text
}

/**
 * The bytes that lower-case, unpadded base32 stands for, in a new buffer. Only the
 * one text that {@link bytesToBase32} gives is accepted.
 *
 * @throws `WireError` `ERR_DECODE`; the message never quotes the text, which may be a secret.
 */
export function base32ToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  let bits = 0
  let held = 0
  let length = 0
  for (let at = 0; at < text.length; at++) {
    held = (held << 5) | digit(text, at)
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[length++] = held >>> bits
    }
    held &= 0xff
  }
  // Five bits or more would be a character that stands for nothing; bits that are set, another text for the same bytes.
  if (bits >= 5 || (held & ((1 << bits) - 1)) !== 0) {
    throw new WireError('ERR_DECODE', 'base32 does not end as its bytes would')
  }
  return bytes
}

function digit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 0x61 && code <= 0x7a) return code - 0x61
  if (code >= 0x32 && code <= 0x37) return code - 0x32 + 26
  throw new WireError('ERR_DECODE', `character ${at + 1} is not one of a-z and 2-7`)
}
