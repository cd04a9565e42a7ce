import { MAX_ADDRESS_CHARACTERS } from '@vudo/transport'

/**
 * Tells whether `text` is written as an address: a URI (RFC 3986), so printable ASCII
 * only, which keeps control characters and look-alikes out of logs and terminals.
 */
export function isAddressText(text: string): boolean {
  return text.length <= MAX_ADDRESS_CHARACTERS && /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/.test(text)
}
