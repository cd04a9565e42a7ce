import { describe, expect, it } from 'vitest'
import {
  CHANNEL_PROTOCOL,
  createHandshake,
  type Handshake,
  type HandshakeInit,
} from '../src/handshake.ts'
import { createNoiseHandshake, patternXX, type NoiseHandshake } from '../src/noise.ts'
import { createX25519KeyPair } from '#crypto'
import type { X25519KeyPair } from '../src/primitives.ts'
import { alice, bob, mallory } from './pair.ts'

function initiator(overrides: Partial<HandshakeInit> = {}): Handshake {
  return createHandshake({
    key: alice,
    initiator: true,
    staticKey: createX25519KeyPair(),
    ...overrides,
  })
}

function responder(overrides: Partial<HandshakeInit> = {}): Handshake {
  return createHandshake({
    key: bob,
    initiator: false,
    staticKey: createX25519KeyPair(),
    ...overrides,
  })
}

/** Passes the three messages, each through `change`. */
function shake(
  a: Handshake,
  b: Handshake,
  change: (message: Uint8Array, index: number) => Uint8Array = (message) => message,
): void {
  b.read(change(a.write(), 0))
  a.read(change(b.write(), 1))
  b.read(change(a.write(), 2))
}

function codeOf(run: () => void): string | undefined {
  try {
    run()
  } catch (error) {
    return (error as { code: string }).code
  }
  return undefined
}

const prologue = new TextEncoder().encode(`${CHANNEL_PROTOCOL}\0`)
const nothing = new Uint8Array()

/** A responder who speaks Noise correctly and may say anything about who she is. */
function impostor(staticKey: X25519KeyPair = createX25519KeyPair()): NoiseHandshake {
  return createNoiseHandshake({ pattern: patternXX, initiator: false, prologue, staticKey })
}

/** What an initiator makes of a second message with this payload. */
function judge(
  payload: (hash: Uint8Array) => Uint8Array,
  staticKey: X25519KeyPair = createX25519KeyPair(),
): string | undefined {
  const a = initiator()
  const noise = impostor(staticKey)
  noise.read(a.write())
  const message = noise.write(() => payload(noise.hash))
  return codeOf(() => a.read(message))
}

const responderTag = `${CHANNEL_PROTOCOL}/identity/responder`
const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)

describe('a handshake', () => {
  it('takes messages of 32, 192 and 160 bytes and proves both keys', () => {
    const [a, b] = [initiator({ expected: bob.peerId }), responder()]
    const lengths: number[] = []
    shake(a, b, (message) => {
      lengths.push(message.length)
      return message
    })
    expect(lengths).toEqual([32, 192, 160])
    const [atA, atB] = [a.finish(), b.finish()]
    expect(atA.peerId).toBe(bob.peerId)
    expect(atB.peerId).toBe(alice.peerId)
    expect(atA.hash).toEqual(atB.hash)
    const sealed = atA.send.encrypt(nothing, [prologue])
    expect(Uint8Array.from(atB.receive.decrypt(nothing, sealed))).toEqual(prologue)
  })

  it('fails for every one of the 384 bytes that is flipped', () => {
    let refused = 0
    for (const [which, length] of [32, 192, 160].entries()) {
      for (let at = 0; at < length; at++) {
        const code = codeOf(() => {
          shake(initiator(), responder(), (message, index) => {
            if (index !== which) return message
            const flipped = Uint8Array.from(message)
            flipped[at] = (flipped[at] ?? 0) ^ 1
            return flipped
          })
        })
        if (code === 'ERR_CHANNEL_AUTH' || code === 'ERR_CHANNEL_KEY') refused += 1
      }
    }
    expect(refused).toBe(384)
  })

  it.each([0, 1, 2])('refuses message %i cut, extended, or in the place of another', (which) => {
    const change =
      (how: (message: Uint8Array) => Uint8Array) =>
      (message: Uint8Array, index: number): Uint8Array =>
        index === which ? how(message) : message
    const outcome = (how: (message: Uint8Array) => Uint8Array): string | undefined =>
      codeOf(() => shake(initiator(), responder(), change(how)))
    expect(outcome((message) => message.subarray(1))).toBe('ERR_CHANNEL_TRUNCATED')
    expect(outcome(() => nothing)).toBe('ERR_CHANNEL_TRUNCATED')
    expect(outcome((message) => join(message, Uint8Array.of(0)))).toBe('ERR_CHANNEL_TOO_LARGE')
    expect(outcome((message) => new Uint8Array(message.length).fill(9))).toMatch(/^ERR_CHANNEL_/)
  })

  it('refuses messages out of turn', () => {
    const [a, b] = [initiator(), responder()]
    expect(codeOf(() => b.write())).toBe('ERR_CHANNEL_STATE')
    expect(codeOf(() => a.read(new Uint8Array(32)))).toBe('ERR_CHANNEL_STATE')
    expect(codeOf(() => a.finish())).toBe('ERR_CHANNEL_STATE')
    shake(a, b)
    expect(codeOf(() => b.read(new Uint8Array(32)))).toBe('ERR_CHANNEL_STATE')
  })

  it('fails when the bindings differ', () => {
    const [a, b] = [initiator({ binding: Uint8Array.of(1) }), responder()]
    expect(codeOf(() => shake(a, b))).toBe('ERR_CHANNEL_AUTH')
  })

  it('refuses our own key, on both sides', () => {
    expect(codeOf(() => shake(initiator(), responder({ key: alice })))).toBe('ERR_PEER_SELF')
    const [a, b] = [initiator({ key: mallory }), responder({ key: bob, expected: alice.peerId })]
    expect(codeOf(() => shake(a, b))).toBe('ERR_PEER_MISMATCH')
  })

  it('refuses another key than the one dialled before it shows its own', () => {
    const [a, b] = [initiator({ expected: mallory.peerId }), responder()]
    b.read(a.write())
    const second = b.write()
    expect(codeOf(() => a.read(second))).toBe('ERR_PEER_MISMATCH')
  })

  it('refuses small-order keys', () => {
    const smallOrder = new Uint8Array(32)
    const b = responder()
    b.read(smallOrder)
    expect(codeOf(() => b.write())).toBe('ERR_CHANNEL_KEY')
  })
})

describe('an identity', () => {
  const staticKey = createX25519KeyPair()
  const honest = (hash: Uint8Array): Uint8Array =>
    join(bob.publicKey, bob.sign(responderTag, join(staticKey.publicKey, hash)))

  it('is accepted when it signs the static key and the transcript', () => {
    expect(judge(honest, staticKey)).toBeUndefined()
  })

  it('is refused with 95 or 97 bytes', () => {
    expect(judge((hash) => honest(hash).subarray(1), staticKey)).toBe('ERR_CHANNEL_TRUNCATED')
    expect(judge((hash) => join(honest(hash), Uint8Array.of(0)), staticKey)).toBe(
      'ERR_CHANNEL_TOO_LARGE',
    )
  })

  it('is refused without the key that it claims', () => {
    const claimed = (hash: Uint8Array): Uint8Array =>
      join(bob.publicKey, mallory.sign(responderTag, join(staticKey.publicKey, hash)))
    expect(judge(claimed, staticKey)).toBe('ERR_CHANNEL_IDENTITY')
  })

  it('is refused when it was made for another session: a stolen static key is worth nothing', () => {
    let recorded: Uint8Array = nothing
    judge((hash) => (recorded = honest(hash)), staticKey)
    expect(judge(() => recorded, staticKey)).toBe('ERR_CHANNEL_IDENTITY')
  })

  it('is refused when it was made for the other role', () => {
    const tag = `${CHANNEL_PROTOCOL}/identity/initiator`
    const turned = (hash: Uint8Array): Uint8Array =>
      join(bob.publicKey, bob.sign(tag, join(staticKey.publicKey, hash)))
    expect(judge(turned, staticKey)).toBe('ERR_CHANNEL_IDENTITY')
  })

  it('is refused over another static key', () => {
    const other = createX25519KeyPair().publicKey
    const over = (hash: Uint8Array): Uint8Array =>
      join(bob.publicKey, bob.sign(responderTag, join(other, hash)))
    expect(judge(over, staticKey)).toBe('ERR_CHANNEL_IDENTITY')
  })

  it('is refused with an Ed25519 key of small order, which would verify anything', () => {
    const smallOrder = Uint8Array.of(1, ...new Uint8Array(31))
    const zeroSignature = Uint8Array.of(1, ...new Uint8Array(63))
    expect(judge(() => join(smallOrder, zeroSignature), staticKey)).toBe('ERR_CHANNEL_IDENTITY')
  })
})
