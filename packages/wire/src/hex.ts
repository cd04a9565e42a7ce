import { WireError } from './errors.ts'

const pairs: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** The bytes as lower-case hex, two characters each. */
export function bytesToHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += pairs[byte]
  return text
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
