import { describe, expect, it } from 'vitest'
import { byeCodes, decodeControl, encodeControl } from '../src/control-messages.ts'
import { MAX_CONTROL_BYTES } from '../src/limits.ts'
import { fromHex, toHex, vectors } from './vectors.ts'

describe('encodeControl and decodeControl', () => {
  it.each(vectors.messages)('write and read $name', ({ records, hex }) => {
    const typed = records.map((record) => ({
      ...record,
      ...(record.nonce === undefined ? {} : { nonce: fromHex(record.nonce) }),
      ...(record.tags === undefined ? {} : { tags: record.tags.map((tag) => fromHex(tag)) }),
    })) as Parameters<typeof encodeControl>[0]
    expect(toHex(encodeControl(typed))).toBe(hex)
    expect(decodeControl(fromHex(hex))).toEqual(typed)
  })

  it.each(vectors.broken)('refuse $name', ({ hex }) => {
    expect(() => decodeControl(fromHex(hex))).toThrow(
      expect.objectContaining({ code: 'ERR_PEER_PROTOCOL' }),
    )
  })

  it('skip kinds of a later version, and read what follows', () => {
    expect(decodeControl(fromHex('7f0002abcd04000102'))).toEqual([
      { kind: 'other' },
      { kind: 'bye', reason: 'limit' },
    ])
  })

  it('read an unknown reason as leaving', () => {
    expect(decodeControl(fromHex('040001ff'))).toEqual([{ kind: 'bye', reason: 'leaving' }])
  })

  it('refuse an oversized message before looking at it', () => {
    expect(() => decodeControl(new Uint8Array(MAX_CONTROL_BYTES + 1))).toThrow(
      `control message has ${MAX_CONTROL_BYTES + 1} bytes`,
    )
  })

  it('have a code for each reason', () => {
    for (const reason of Object.keys(byeCodes) as (keyof typeof byeCodes)[]) {
      expect(decodeControl(encodeControl([{ kind: 'bye', reason }]))).toEqual([
        { kind: 'bye', reason },
      ])
    }
  })
})
