import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  base32ToBytes,
  bytesEqual,
  bytesToBase32,
  bytesToHex,
  compareBytes,
  concatBytes,
  hexToBytes,
  isWireError,
} from '@vudo/wire'
import { readVectors } from './read-vectors.ts'

const { vectors } = readVectors('base32') as { vectors: { text: string; base32: string }[] }
const decodeError = expect.objectContaining({ name: 'WireError', code: 'ERR_DECODE' })
const bytes = fc.uint8Array({ maxLength: 70 })

describe('hex', () => {
  it('round-trips any bytes, as Buffer writes them', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const hex = bytesToHex(value)
        expect(hex).toBe(Buffer.from(value).toString('hex'))
        expect(hexToBytes(hex)).toEqual(value)
      }),
    )
  })

  it.each([4_095, 4_096, 4_097, 200_000])(
    'writes %i bytes, more than a call has room for',
    (length) => {
      const value = Uint8Array.from({ length }, (_, at) => at * 7)
      expect(bytesToHex(value)).toBe(Buffer.from(value).toString('hex'))
    },
  )

  it.each(['a', 'AB', '0g', ' 00', '0x', '::', '@@', '``', '//'])('refuses "%s"', (text) => {
    expect(() => hexToBytes(text)).toThrow(decodeError)
  })
})

describe('base32', () => {
  it.each(vectors)('writes "$text" as "$base32"', ({ text, base32 }) => {
    expect(bytesToBase32(new TextEncoder().encode(text))).toBe(base32)
    expect(new TextDecoder().decode(base32ToBytes(base32))).toBe(text)
  })

  it.each(['a', 'aaa', 'aaaaaa', 'mz', 'mzxr', 'MY', 'm1', 'm8', 'my======', 'm{'])(
    'refuses "%s"',
    (text) => {
      expect(() => base32ToBytes(text)).toThrow(decodeError)
    },
  )

  it('any text gives bytes with that one text, or ERR_DECODE', () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('abyz27189A ')) })
    fc.assert(
      fc.property(fc.oneof(text, bytes.map(bytesToBase32)), (value) => {
        try {
          expect(bytesToBase32(base32ToBytes(value))).toBe(value)
        } catch (error) {
          if (!isWireError(error)) throw error
        }
      }),
      { numRuns: 500 },
    )
  })

  it('never quotes what it refuses', () => {
    for (const decode of [hexToBytes, base32ToBytes]) {
      expect(() => decode('secret!!')).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret') as string }),
      )
    }
  })
})

describe('bytes', () => {
  it('compare as Buffer compares', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))
        expect(bytesEqual(a, b)).toBe(Buffer.compare(a, b) === 0)
        expect(bytesEqual(a, a.slice())).toBe(true)
      }),
    )
  })

  it('concatenate in order', () => {
    expect(concatBytes()).toEqual(new Uint8Array())
    expect(concatBytes(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3))).toEqual(
      Uint8Array.of(1, 2, 3),
    )
  })
})
