import { describe, expect, it } from 'vitest'
import {
  authoriseEntry,
  createVerifier,
  decodePart,
  decodeWhole,
  defaultToken,
  encodeCapability,
  encodeEntry,
  encodeWith,
  readCanonicalCapability,
  readCanonicalEntry,
  readCapability,
  readTokenRelative,
  writeTokenRelative,
  type AuthorisationToken,
} from '@vudo/meadowcap'
import { decodeOrRefuse, toHex } from '../examples.ts'
import { blog, entryBy, ideas, owned } from './granted.ts'
import { keys } from './test-keys.ts'

const { betty, gemma } = keys

/** `bytes` once for each bit, with that bit flipped. */
function flips(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: 8 * bytes.length }, (_, index) => {
    const at = index >> 3
    return bytes.with(at, (bytes[at] ?? 0) ^ (1 << (index & 7)))
  })
}

/** `bytes` once for each byte, with one of its bits flipped: enough where a signature check each costs. */
function fewFlips(bytes: Uint8Array): Uint8Array[] {
  return flips(bytes).filter((_, index) => (index & 7) === (index >> 3) % 8)
}

describe('one flipped bit', () => {
  it.each([
    ['communal', ideas, flips],
    ['owned', owned, fewFlips],
  ])('makes a %s capability fall', (_, capability, flip) => {
    const verifier = createVerifier()
    const bytes = encodeCapability(capability)
    expect(verifier.isValidCapability(capability)).toBe(true)
    for (const flipped of flip(bytes)) {
      // By the canonical code: a relation has bits without meaning, which change nothing.
      const decoded = decodeOrRefuse(() => decodeWhole(flipped, readCanonicalCapability))
      expect(decoded === undefined || toHex(encodeCapability(decoded)) !== toHex(bytes)).toBe(true)
      const other = decoded ?? decodeOrRefuse(() => decodeWhole(flipped, readCapability))
      const isSame = other !== undefined && toHex(encodeCapability(other)) === toHex(bytes)
      expect(other !== undefined && verifier.isValidCapability(other)).toBe(isSame)
    }
    // Each holder after the first of a communal namespace; an owned one has a signature for the first, too.
    expect(verifier.cached).toBe(2)
  })

  it('makes an entry or its token fall', () => {
    const verifier = createVerifier()
    const entry = entryBy({})
    const token = authoriseEntry(entry, blog, betty)
    for (const flipped of fewFlips(encodeEntry(entry))) {
      const decoded = decodeOrRefuse(() => decodeWhole(flipped, readCanonicalEntry))
      expect(decoded !== undefined && verifier.isAuthorisedWrite(decoded, token)).toBe(false)
    }
    for (const signature of flips(token.signature)) {
      expect(verifier.isAuthorisedWrite(entry, { ...token, signature })).toBe(false)
    }
  })

  it('makes a token fall that came relative to another', () => {
    const verifier = createVerifier()
    const entry = entryBy({})
    const token = authoriseEntry(entry, ideas, gemma)
    const context = { entry, prior: defaultToken }
    const bytes = encodeWith((sink) => writeTokenRelative(sink, token, context))
    const read = (from: Uint8Array): AuthorisationToken | undefined =>
      decodeOrRefuse(() => decodeWhole(from, (cursor) => readTokenRelative(cursor, context)))
    expect(verifier.isAuthorisedWrite(entry, read(bytes) ?? defaultToken)).toBe(true)
    for (const flipped of fewFlips(bytes)) {
      const decoded = read(flipped)
      // Some bits have no meaning, as the tag of an open end: then it is the same token.
      const isSame =
        decoded !== undefined &&
        toHex(encodeCapability(decoded.capability)) === toHex(encodeCapability(ideas)) &&
        toHex(decoded.signature) === toHex(token.signature)
      expect(decoded !== undefined && verifier.isAuthorisedWrite(entry, decoded)).toBe(isSame)
    }
    for (let length = 0; length < bytes.length; length++) {
      const part = bytes.subarray(0, length)
      expect(decodePart(part, (cursor) => readTokenRelative(cursor, context))).toBeUndefined()
    }
  })
})
