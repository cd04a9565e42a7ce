import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createByteReader,
  createByteWriter,
  isWireError,
  type ByteReader,
  type ByteWriter,
} from '@vudo/wire'

const decodeError = expect.objectContaining({ name: 'WireError', code: 'ERR_DECODE' })

describe('ByteWriter and ByteReader', () => {
  it('read back what was written', () => {
    const bytes = createByteWriter(1)
      .u8(255)
      .u16(0xfffe)
      .u32(0xfffffffe)
      .varint(2 ** 53 - 1)
      .bytes(Uint8Array.of(1, 2))
      .prefixed(Uint8Array.of(3))
      .text('\uFEFFzo\u0000ë😀')
      .bytes(Uint8Array.of(9, 9))
      .finish()
    const reader = createByteReader(bytes)
    expect(reader.u8()).toBe(255)
    expect(reader.u16()).toBe(0xfffe)
    expect(reader.u32()).toBe(0xfffffffe)
    expect(reader.varint()).toBe(2 ** 53 - 1)
    expect(reader.bytes(2)).toEqual(Uint8Array.of(1, 2))
    expect(reader.prefixed(1)).toEqual(Uint8Array.of(3))
    expect(reader.text(100)).toBe('\uFEFFzo\u0000ë😀')
    expect(reader.remaining).toBe(2)
    expect(reader.rest()).toEqual(Uint8Array.of(9, 9))
    reader.end()
  })

  it('write big endian', () => {
    expect(createByteWriter().u16(0x0102).u32(0x03040506).finish()).toEqual(
      Uint8Array.of(1, 2, 3, 4, 5, 6),
    )
  })

  it('give views of the input', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const view = createByteReader(bytes).bytes(2)
    bytes[0] = 7
    expect(view[0]).toBe(7)
  })

  it('finish gives a buffer that the writer never touches again', () => {
    const writer = createByteWriter(4)
    const first = writer.u32(1).finish()
    writer.u32(0xffffffff)
    expect(first).toEqual(Uint8Array.of(0, 0, 0, 1))
    expect(writer.finish()).toEqual(Uint8Array.of(255, 255, 255, 255))
    expect(writer.finish()).toHaveLength(0)
  })

  it.each<[string, (writer: ByteWriter) => unknown, ErrorConstructor]>([
    ['256 as u8', (writer) => writer.u8(256), RangeError],
    ['-1 as u16', (writer) => writer.u16(-1), RangeError],
    ['2^32 as u32', (writer) => writer.u32(2 ** 32), RangeError],
    ['a fraction', (writer) => writer.u8(0.5), RangeError],
    ['a lone surrogate', (writer) => writer.text('\ud800'), TypeError],
  ])('refuse to write %s', (_name, write, type) => {
    expect(() => write(createByteWriter())).toThrow(type)
  })

  it.each<[string, number[], (reader: ByteReader) => unknown]>([
    ['beyond the end', [1], (reader) => reader.u16()],
    ['a value above its maximum', [11], (reader) => reader.varint(10)],
    ['a length above its maximum', [2, 0, 0], (reader) => reader.prefixed(1)],
    ['a length beyond the end', [2, 0], (reader) => reader.prefixed(10)],
    ['text that is not UTF-8', [1, 0xff], (reader) => reader.text(10)],
    ['an overlong UTF-8 form', [2, 0xc0, 0x80], (reader) => reader.text(10)],
    ['what is left over', [0], (reader) => reader.end()],
  ])('refuse %s', (_name, bytes, read) => {
    expect(() => read(createByteReader(Uint8Array.from(bytes)))).toThrow(decodeError)
  })

  it('a negative length is the mistake of the caller', () => {
    expect(() => createByteReader(new Uint8Array(4)).bytes(-1)).toThrow(RangeError)
  })

  it('any reads of any bytes give a value or ERR_DECODE', () => {
    const reads: ((reader: ByteReader) => unknown)[] = [
      (reader) => reader.u8(),
      (reader) => reader.u16(),
      (reader) => reader.u32(),
      (reader) => reader.varint(),
      (reader) => reader.bytes(3),
      (reader) => reader.prefixed(20),
      (reader) => reader.text(20),
      (reader) => reader.rest(),
      (reader) => reader.end(),
    ]
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.constantFrom(...reads), { maxLength: 8 }),
        (bytes, steps) => {
          const reader = createByteReader(bytes)
          try {
            for (const step of steps) step(reader)
          } catch (error) {
            if (!isWireError(error) || error.code !== 'ERR_DECODE') throw error
          }
          expect(reader.remaining).toBeGreaterThanOrEqual(0)
        },
      ),
      { numRuns: 500 },
    )
  })
})
