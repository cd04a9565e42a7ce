import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { CipherState } from '../src/cipher-state.ts'
import {
  createNoiseHandshake,
  patternXX,
  type NoiseHandshake,
  type NoisePattern,
} from '../src/noise.ts'
import { createX25519KeyPair } from '#crypto'

interface Vector {
  readonly protocol_name: string
  readonly init_prologue: string
  readonly init_static?: string
  readonly init_ephemeral: string
  readonly resp_prologue: string
  readonly resp_static?: string
  readonly resp_ephemeral: string
  readonly handshake_hash: string
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[]
}

const file = new URL('vectors/cacophony-25519-aesgcm-sha256.json', import.meta.url)
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }

/** NN is not used by the channel; it checks the same machinery, and transport messages begin earlier. */
const patterns: readonly NoisePattern[] = [
  patternXX,
  { name: 'NN', messages: [['e'], ['e', 'ee']] },
]
const cases = patterns.map((pattern) => ({
  pattern,
  vector: vectors.find(
    ({ protocol_name }) => protocol_name === `Noise_${pattern.name}_25519_AESGCM_SHA256`,
  ) as Vector,
}))

const nothing = new Uint8Array()
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

function ends(pattern: NoisePattern, vector: Vector): [NoiseHandshake, NoiseHandshake] {
  const one = (initiator: boolean, prefix: 'init' | 'resp'): NoiseHandshake => {
    const staticKey = vector[`${prefix}_static`]
    return createNoiseHandshake({
      pattern,
      initiator,
      prologue: bytes(vector[`${prefix}_prologue`]),
      staticKey: createX25519KeyPair(staticKey === undefined ? undefined : bytes(staticKey)),
      ephemeralKey: createX25519KeyPair(bytes(vector[`${prefix}_ephemeral`])),
    })
  }
  return [one(true, 'init'), one(false, 'resp')]
}

/** A complete handshake with fresh keys. */
function shaken(): [NoiseHandshake, NoiseHandshake] {
  const [a, b] = freshEnds()
  b.read(a.write(() => nothing))
  a.read(b.write(() => nothing))
  b.read(a.write(() => nothing))
  return [a, b]
}

const responder = (): NoiseHandshake => freshEnd(false)

function freshEnds(): [NoiseHandshake, NoiseHandshake] {
  return [freshEnd(true), freshEnd(false)]
}

function freshEnd(initiator: boolean): NoiseHandshake {
  return createNoiseHandshake({
    pattern: patternXX,
    initiator,
    prologue: nothing,
    staticKey: createX25519KeyPair(),
  })
}

describe.each(cases)('Noise_$pattern.name_25519_AESGCM_SHA256', ({ pattern, vector }) => {
  it('writes and reads every message of the vector', () => {
    const [a, b] = ends(pattern, vector)
    const count = pattern.messages.length
    for (const [index, message] of vector.messages.slice(0, count).entries()) {
      const [from, to] = index % 2 === 0 ? [a, b] : [b, a]
      const written = from.write(() => bytes(message.payload))
      expect(hex(written)).toBe(message.ciphertext)
      expect(hex(to.read(written).payload)).toBe(message.payload)
    }
    expect(hex(a.hash)).toBe(vector.handshake_hash)
    expect(hex(b.hash)).toBe(vector.handshake_hash)

    const [atA, atB] = [a.split(), b.split()]
    for (const [index, message] of vector.messages.slice(count).entries()) {
      // The vectors go on alternating the sender.
      const fromA = (count + index) % 2 === 0
      const [from, to]: [CipherState, CipherState] = fromA
        ? [atA.send, atB.receive]
        : [atB.send, atA.receive]
      const sealed = from.encrypt(nothing, [bytes(message.payload)])
      expect(hex(sealed)).toBe(message.ciphertext)
      expect(hex(to.decrypt(nothing, sealed))).toBe(message.payload)
    }
  })
})

describe('the handshake state', () => {
  it('tells the far end its static key and both ends the same hash', () => {
    const [a, b] = shaken()
    expect(a.hash).toEqual(b.hash)
    expect(a.remoteStatic).toHaveLength(32)
    expect(a.remoteStatic).not.toEqual(b.remoteStatic)
  })

  it('refuses to write or read out of turn', () => {
    const [a, b] = freshEnds()
    const state = expect.objectContaining({ code: 'ERR_CHANNEL_STATE' })
    expect(() => b.write(() => nothing)).toThrow(state)
    expect(() => a.read(new Uint8Array(32))).toThrow(state)
    expect(() => a.split()).toThrow(state)
    const [done] = shaken()
    expect(() => done.write(() => nothing)).toThrow(state)
    expect(() => done.read(new Uint8Array(32))).toThrow(state)
  })

  it('refuses messages above 65,535 bytes and below their fields', () => {
    expect(() => responder().read(new Uint8Array(65_536))).toThrow(
      expect.objectContaining({ code: 'ERR_CHANNEL_TOO_LARGE' }),
    )
    expect(() => responder().read(new Uint8Array(31))).toThrow(
      expect.objectContaining({ code: 'ERR_CHANNEL_TRUNCATED' }),
    )
  })

  // RFC 7748 section 6.1 and the list at https://cr.yp.to/ecdh.html: 0, 1 and the points of order 8.
  it.each([
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    `ecff${'ff'.repeat(29)}7f`,
    `edff${'ff'.repeat(29)}7f`,
    `eeff${'ff'.repeat(29)}7f`,
  ])('refuses the small-order key %s', (key) => {
    const [, b] = freshEnds()
    b.read(bytes(key))
    expect(() => b.write(() => nothing)).toThrow(
      expect.objectContaining({ code: 'ERR_CHANNEL_KEY' }),
    )
  })
})
