import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createAuthorKey,
  createNodeKey,
  signatureTags,
  signMessage,
  verifyMessage,
  verifySignature,
} from '@vudo/identity'
import { ed25519Verify } from '#crypto'
import { flipEachByte, testSeed } from './read-vectors.ts'

const key = createNodeKey(testSeed(1))
const message = new TextEncoder().encode('message')

describe('signatures', () => {
  it('sign the tag, a zero byte and the message', () => {
    const signature = key.sign('a/1', message)
    const signed = new TextEncoder().encode('a/1\0message')
    expect(signature).toHaveLength(64)
    expect(ed25519Verify(key.publicKey, signed, signature)).toBe(true)
    expect(verifySignature(key.publicKey, 'a/1', message, signature)).toBe(true)
    expect(verifySignature(key.peerId, 'a/1', message, signature)).toBe(true)
  })

  it('hold for one tag, one message and one key', () => {
    const signature = key.sign('a/1', message)
    expect(verifySignature(key.peerId, 'a/2', message, signature)).toBe(false)
    expect(verifySignature(key.peerId, 'a/1', message.subarray(1), signature)).toBe(false)
    expect(verifySignature(createNodeKey().peerId, 'a/1', message, signature)).toBe(false)
    for (const changed of flipEachByte(signature)) {
      expect(verifySignature(key.peerId, 'a/1', message, changed)).toBe(false)
    }
  })

  it('no tag is the beginning of another, and none is malformed', () => {
    expect(new Set(signatureTags).size).toBe(signatureTags.length)
    for (const tag of signatureTags) {
      expect(signatureTags.filter((other) => other.startsWith(tag))).toEqual([tag])
      expect(key.sign(tag, message)).toHaveLength(64)
    }
  })

  it.each(['', 'a\0b', 'a b', 'ä', '\n', 'x'.repeat(65)])('refuse the tag %j', (tag) => {
    expect(() => key.sign(tag, message)).toThrow(RangeError)
    expect(() => verifySignature(key.peerId, tag, message, new Uint8Array(64))).toThrow(RangeError)
  })

  it('verifying never throws for what a peer sent', () => {
    const id = fc.oneof(fc.string(), fc.uint8Array({ maxLength: 40 }), fc.constant(key.peerId))
    fc.assert(
      fc.property(id, fc.uint8Array({ maxLength: 70 }), (publicKey, signature) => {
        expect(verifySignature(publicKey, 'a/1', message, signature)).toBe(false)
      }),
    )
    expect(
      verifySignature(key.peerId.toUpperCase(), 'a/1', message, key.sign('a/1', message)),
    ).toBe(false)
    expect(verifySignature(7 as unknown as string, 'a/1', message, new Uint8Array(64))).toBe(false)
    expect(verifySignature(key.peerId, 'a/1', message, null as unknown as Uint8Array)).toBe(false)
  })
})

describe('messages', () => {
  it.each([key, createAuthorKey()])('are signed and verified by %s', (signer) => {
    const id = 'peerId' in signer ? signer.peerId : signer.authorId
    const signature = signMessage(signer, message)
    expect(verifyMessage(id, message, signature)).toBe(true)
    expect(verifyMessage(id, message.subarray(1), signature)).toBe(false)
    expect(verifySignature(id, 'vudo/message/1', message, signature)).toBe(true)
  })
})
