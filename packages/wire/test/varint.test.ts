import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesToHex, createByteReader, encodeVarint, hexToBytes, varintLength } from '@vudo/wire'
import { readVectors } from './read-vectors.ts'

const { vectors } = readVectors('varint') as { vectors: { value: number; hex: string }[] }

describe('varint', () => {
  it.each(vectors)('writes $value as $hex and reads it back', ({ value, hex }) => {
    expect(bytesToHex(encodeVarint(value))).toBe(hex)
    expect(varintLength(value)).toBe(hex.length / 2)
    expect(createByteReader(hexToBytes(hex)).varint()).toBe(value)
  })

  it('round-trips every safe integer', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(createByteReader(encodeVarint(value)).varint()).toBe(value)
      }),
    )
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses to write %d', (value) => {
    expect(() => encodeVarint(value)).toThrow(RangeError)
  })

  it.each(['8000', '808000', 'ff00', 'ffffffffffffff10', '808080808080808001', '80', ''])(
    'refuses to read %s',
    (hex) => {
      expect(() => createByteReader(hexToBytes(hex)).varint()).toThrow(
        expect.objectContaining({ code: 'ERR_DECODE' }),
      )
    },
  )
})
