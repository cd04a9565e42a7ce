import { bytesToHex } from '@vudo/wire'
import { MeadowcapError } from '../errors.ts'

/** The components as in Willow URIs: each after a slash, percent-encoded; no component, no text. */
export function pathToText(components: readonly Uint8Array[]): string {
  return components.map((component) => `/${componentToText(component)}`).join('')
}

/**
 * The components of a text such as `/blog/idea` or `blog/idea`: what stands between
 * slashes, as UTF-8, with `%` and two hex digits for any byte. The empty text has
 * none; a slash at the end adds an empty component.
 *
 * @throws `MeadowcapError` `ERR_WILLOW_ENCODING` when a `%` is not followed by two hex digits.
 * @throws `TypeError` when the text is not well formed.
 */
export function componentsOfText(text: string): Uint8Array[] {
  if (!text.isWellFormed()) throw new TypeError('path has half a surrogate pair')
  if (text === '') return []
  const parts = (text.startsWith('/') ? text.slice(1) : text).split('/')
  return parts.map(componentFromText)
}

/** Bytes that stand for themselves: RFC 3986, section 2.3. */
const unreserved = /^[A-Za-z0-9\-._~]$/

function componentToText(component: Uint8Array): string {
  let text = ''
  for (const byte of component) {
    const character = String.fromCharCode(byte)
    text += unreserved.test(character) ? character : `%${bytesToHex(Uint8Array.of(byte))}`
  }
  return text
}

function componentFromText(text: string): Uint8Array {
  const encoded = new TextEncoder().encode(text)
  const bytes = new Uint8Array(encoded.length)
  let length = 0
  for (let at = 0; at < encoded.length; at++) {
    let byte = encoded[at] ?? 0
    if (byte === 0x25) {
      byte = hexByte(encoded, at + 1)
      at += 2
    }
    bytes[length++] = byte
  }
  return bytes.subarray(0, length)
}

function hexByte(encoded: Uint8Array, at: number): number {
  const digits = String.fromCharCode(...encoded.subarray(at, at + 2))
  if (!/^[0-9a-fA-F]{2}$/.test(digits)) {
    const reason = 'a % in the path is not followed by two hex digits'
    throw new MeadowcapError('ERR_WILLOW_ENCODING', reason, {
      reason,
      byteOffset: at,
      hint: 'write a percent sign as %25',
    })
  }
  return Number.parseInt(digits, 16)
}
