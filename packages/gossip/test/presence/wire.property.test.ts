import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_STATE_BYTES, MAX_STATE_DEPTH } from '@vudo/gossip'
import { bytesToHex, encodeCbor, hexToBytes } from '@vudo/wire'
import {
  decodePresence,
  decodeState,
  encodePresence,
  encodeState,
  roomOf,
  type PresenceMessage,
} from '../../src/presence/wire.ts'
import { hex } from '../arbitraries.ts'
import { refuses } from '../refusals.ts'

const states = fc
  .dictionary(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.oneof(fc.integer(), fc.boolean()))
  .filter((state) => !Object.hasOwn(state, '__proto__'))

const messages: fc.Arbitrary<PresenceMessage> = fc
  .record({
    type: fc.constantFrom('enter', 'state', 'goodbye'),
    room: hex(16),
    instance: hex(8),
    ttlMs: fc.maxSafeNat(),
    state: states,
  })
  .map(({ state, ...message }) => ({
    ...message,
    state: message.type === 'goodbye' ? new Uint8Array() : encodeState({ ...state }),
  }))

describe('the wire format of presence', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodePresence(encodePresence(message))).toEqual(message)
      }),
    )
  })

  it('answers any bytes with a message or its one error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        refuses(() => decodePresence(bytes))
        refuses(() => decodeState(bytes))
      }),
    )
    fc.assert(
      fc.property(messages, fc.nat(), fc.nat(255), (message, at, value) => {
        const bytes = encodePresence(message)
        bytes[at % bytes.length] = value
        refuses(() => decodePresence(bytes))
      }),
    )
  })

  it.each([
    ['another version', [2, 1, new Uint8Array(16), new Uint8Array(8), 1, encodeState({})]],
    ['an unknown kind', [1, 9, new Uint8Array(16), new Uint8Array(8), 1, encodeState({})]],
    ['a short room', [1, 1, new Uint8Array(15), new Uint8Array(8), 1, encodeState({})]],
    ['a negative time', [1, 1, new Uint8Array(16), new Uint8Array(8), -1, encodeState({})]],
    ['a state in a goodbye', [1, 2, new Uint8Array(16), new Uint8Array(8), 1, encodeState({})]],
    ['no state', [1, 1, new Uint8Array(16), new Uint8Array(8), 1, new Uint8Array()]],
    ['more than it should', [1, 2, new Uint8Array(16), new Uint8Array(8), 1, new Uint8Array(), 0]],
    ['a map', { a: 1 }],
  ])('refuses %s', (_, value) => {
    expect(refuses(() => decodePresence(encodeCbor(value)))).toBe(true)
  })

  it('reads the vectors', () => {
    const file = new URL('../vectors/presence.json', import.meta.url)
    const { vectors } = JSON.parse(readFileSync(file, 'utf8'))
    for (const { path, message, state, bytes } of vectors) {
      const encoded = message.type === 'goodbye' ? new Uint8Array() : encodeState(state)
      const whole = { ...message, room: roomOf(path), state: encoded }
      expect(bytesToHex(encodePresence(whole))).toBe(bytes)
      expect(decodePresence(hexToBytes(bytes))).toEqual(whole)
    }
  })
})

describe('a presence state', () => {
  it('has at most 4 KiB', () => {
    const fitting = { text: 'x'.repeat(MAX_STATE_BYTES - 9) }
    expect(encodeState(fitting)).toHaveLength(MAX_STATE_BYTES)
    expect(() => encodeState({ text: `${fitting.text}x` })).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_STATE_SIZE' }),
    )
    expect(refuses(() => decodeState(encodeCbor({ text: 'x'.repeat(MAX_STATE_BYTES) })))).toBe(true)
  })

  it('is a plain object, and not too deep', () => {
    // @ts-expect-error -- what a program without types could hand in
    expect(() => encodeState([1])).toThrow(TypeError)
    let deep: unknown = 1
    for (let i = 0; i <= MAX_STATE_DEPTH; i++) deep = { deep }
    expect(refuses(() => decodeState(encodeCbor(deep)))).toBe(true)
  })

  it('pollutes nothing', () => {
    const evil = Uint8Array.from(
      new TextDecoder('latin1')
        .decode(encodeCbor({ a_proto__: 1 }))
        .replace('a_proto__', '__proto__'),
      (character) => character.charCodeAt(0),
    )
    expect(refuses(() => decodeState(evil))).toBe(true)
    expect(decodeState(encodeState({ constructor: { prototype: { polluted: 1 } } }))).toBeDefined()
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })
})
