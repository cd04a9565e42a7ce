import { describe, expect, it } from 'vitest'
import { defaultCrypto } from '@libp2p/noise/crypto'
import { MIN_NODE_CIPHER_BYTES } from '../src/limits.ts'
import { createNoiseCrypto } from '../src/noise.ts'

const ours = createNoiseCrypto()
const keys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const
const ad = new Uint8Array()
const tagBytes = 16
const refusal = /unable to authenticate|invalid chacha20poly1305/i

function nonceOf(count: number): Uint8Array {
  return new Uint8Array(12).fill(count, 4, 5)
}

function messageOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => i % 251)
}

describe.each([1, MIN_NODE_CIPHER_BYTES - tagBytes, MIN_NODE_CIPHER_BYTES, 65_519])(
  'a message of %i bytes',
  (size) => {
    it('is encrypted to the same bytes as by the stack, with each key and nonce', () => {
      for (const [count, key] of [...keys, ...keys].entries()) {
        const encrypted = ours.chaCha20Poly1305Encrypt(messageOf(size), nonceOf(count), ad, key)
        const expected = defaultCrypto.chaCha20Poly1305Encrypt(
          messageOf(size),
          nonceOf(count),
          ad,
          key,
        )
        expect(Buffer.compare(encrypted.subarray(), expected.subarray())).toBe(0)
      }
    })

    it('is decrypted', () => {
      const encrypted = defaultCrypto
        .chaCha20Poly1305Encrypt(messageOf(size), nonceOf(1), ad, keys[0])
        .subarray()
      const dst = encrypted.slice(0, -tagBytes)
      const plaintext = ours.chaCha20Poly1305Decrypt(encrypted, nonceOf(1), ad, keys[0], dst)
      expect(Buffer.compare(plaintext.subarray(), messageOf(size))).toBe(0)
    })

    it('is refused when it was changed, or under another key', () => {
      const encrypted = ours
        .chaCha20Poly1305Encrypt(messageOf(size), nonceOf(1), ad, keys[0])
        .subarray()
      expect(() => ours.chaCha20Poly1305Decrypt(encrypted, nonceOf(1), ad, keys[1])).toThrow(
        refusal,
      )
      encrypted.set(encrypted.subarray(0, 1).map((byte) => byte ^ 1))
      expect(() => ours.chaCha20Poly1305Decrypt(encrypted, nonceOf(1), ad, keys[0])).toThrow(
        refusal,
      )
    })
  },
)
