import { WireError } from './errors.ts'

const digits = Array.from('0123456789abcdef', (character) => character.charCodeAt(0))

/** Bytes that are turned into characters in one call: a call has only so many arguments. */
const BLOCK_BYTES = 4_096

/**
 * The bytes as lower-case hex, two characters each.
 *
 * Made in one piece: put together from pairs, V8 keeps a tree of all the parts for as long as
 * the text lives, 860 bytes for a hash in place of 80.
 */
export function bytesToHex(bytes: Uint8Array): string {
  if (bytes.length <= BLOCK_BYTES) return blockToHex(bytes)
  const blocks: string[] = []
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    blocks.push(blockToHex(bytes.subarray(at, at + BLOCK_BYTES)))
  }
  return blocks.join('')
}

function blockToHex(bytes: Uint8Array): string {
  const codes: number[] = []
  for (const byte of bytes) codes.push(digits[byte >> 4] ?? 0, digits[byte & 15] ?? 0)
  return String.fromCharCode(...codes)
}

/**
 * The bytes that lower-case hex stands for, in a new buffer.
 *
 * Upper case is refused: a value has one text form, so that texts can be compared.
 *
 * @throws `WireError` `ERR_DECODE`; the message never quotes the text, which may be a secret.
 */
export function hexToBytes(text: string): Uint8Array {
  if (text.length % 2 !== 0) {
    throw new WireError('ERR_DECODE', `hex has ${text.length} characters, expected an even number`)
  }
  const bytes = new Uint8Array(text.length / 2)
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = 16 * digit(text, 2 * index) + digit(text, 2 * index + 1)
  }
  return bytes
}

function digit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  if (code >= 0x61 && code <= 0x66) return code - 0x61 + 10
  throw new WireError('ERR_DECODE', `character ${at + 1} is not one of 0-9 and a-f`)
}
