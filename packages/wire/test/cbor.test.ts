import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bytesToHex,
  concatBytes,
  decodeCbor,
  encodeCbor,
  hexToBytes,
  isWireError,
} from '@vudo/wire'
import { readVectors } from './read-vectors.ts'

interface Vectors {
  readonly accepted: readonly { hex: string; value: unknown }[]
  readonly refused: readonly { hex: string; why: string }[]
}

const vectors = readVectors('cbor') as Vectors
const decodeError = expect.objectContaining({ name: 'WireError', code: 'ERR_DECODE' })
const decode = (bytes: Uint8Array, maxDepth?: number): unknown =>
  decodeCbor(bytes, { maxBytes: 1_000_000, maxDepth })

const count = (hex: string, maxValues: number): unknown =>
  decodeCbor(hexToBytes(hex), { maxBytes: 1_000, maxValues })

const nestedArrays = (depth: number): Uint8Array =>
  concatBytes(new Uint8Array(depth).fill(0x81), Uint8Array.of(0))

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
})).value

describe('CBOR', () => {
  it.each(vectors.accepted)('decodes and encodes $hex', ({ hex, value }) => {
    expect(decode(hexToBytes(hex))).toEqual(value)
    expect(bytesToHex(encodeCbor(value))).toBe(hex)
  })

  it.each(vectors.refused)('refuses $hex: $why', ({ hex }) => {
    expect(() => decode(hexToBytes(hex))).toThrow(decodeError)
  })

  it('refuses more values than it is told to build, whatever they are', () => {
    expect(count('01', 1)).toBe(1)
    // A list of two empty maps is three values; a map of one entry is three as well.
    expect(count('82a0a0', 3)).toEqual([{}, {}])
    expect(() => count('82a0a0', 2)).toThrow(decodeError)
    expect(count('a1616101', 3)).toEqual({ a: 1 })
    expect(() => count('a1616101', 2)).toThrow(decodeError)
    expect(() => count('8181a0', 2)).toThrow(decodeError)
  })

  it('gives byte strings as plain copies', () => {
    const input = Buffer.from('43010203', 'hex')
    const value = decode(input) as Uint8Array
    input.fill(0)
    expect(value).toEqual(Uint8Array.of(1, 2, 3))
    expect(value.constructor).toBe(Uint8Array)
    expect(value.buffer.byteLength).toBe(3)
    expect(encodeCbor(Buffer.of(1)).constructor).toBe(Uint8Array)
  })

  it('bounds the depth before anything recurses', () => {
    expect(decode(nestedArrays(64))).toBeInstanceOf(Array)
    expect(() => decode(nestedArrays(65))).toThrow('more than 64 deep')
    expect(() => decode(nestedArrays(900_000))).toThrow(decodeError)
    expect(decode(nestedArrays(2), 2)).toEqual([[0]])
    expect(() => decode(nestedArrays(3), 2)).toThrow(decodeError)
    expect(() => decode(nestedArrays(2), 65)).toThrow(RangeError)
  })

  it('bounds the size', () => {
    expect(decodeCbor(Uint8Array.of(0x41, 0), { maxBytes: 2 })).toEqual(Uint8Array.of(0))
    expect(() => decodeCbor(Uint8Array.of(0x41, 0), { maxBytes: 1 })).toThrow(decodeError)
  })

  it('PP1: leaves prototypes alone', () => {
    const value = decode(encodeCbor({ constructor: { prototype: { polluted: true } } }))
    expect(value).toEqual({ constructor: { prototype: { polluted: true } } })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  const cyclic: unknown[] = []
  cyclic.push(cyclic)

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['undefined in a map', { a: undefined }],
    // oxlint-disable-next-line no-sparse-arrays -- the hole is the point
    ['a sparse array', [, 1]],
    ['NaN', Number.NaN],
    ['Infinity', [Infinity]],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a Map', new Map()],
    ['a date', new Date(0)],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a key', { '\ud800': 1 }],
    ['the key __proto__', JSON.parse('{"__proto__":1}')],
    ['a cycle', cyclic],
  ])('refuses to encode %s', (_name, value) => {
    expect(() => encodeCbor(value)).toThrow(TypeError)
  })

  it('takes objects without a prototype', () => {
    const value = Object.assign(Object.create(null) as object, { a: 1 })
    expect(bytesToHex(encodeCbor(value))).toBe('a1616101')
  })

  it('round-trips all plain data', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decode(encodeCbor(value))).toEqual(value)
      }),
    )
  })

  it('any bytes give a value with that one encoding, or ERR_DECODE', () => {
    const mutated = fc
      .tuple(plain, fc.nat(), fc.nat(255))
      .map(([value, at, byte]) => replaceByte(encodeCbor(value), at, byte))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), mutated), (bytes) => {
        try {
          expect(encodeCbor(decode(bytes))).toEqual(bytes)
        } catch (error) {
          if (!isWireError(error)) throw error
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

function replaceByte(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  return bytes.with(at % bytes.length, byte)
}
