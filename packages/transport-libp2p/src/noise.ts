/**
 * Noise as the stack has it, with its ciphers called at less cost. Node turns a key of plain
 * bytes into one of its own for every message, at 15 µs or more beside the 60 that 64 KiB
 * take; here each key is turned once.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { noise as createNoise, type ICryptoInterface } from '@libp2p/noise'
import { defaultCrypto, nodeCrypto } from '@libp2p/noise/crypto'
import { freeWhole } from './free-whole.ts'
import { MIN_NODE_CIPHER_BYTES } from './limits.ts'

/** The stack's Noise, encrypting with {@link createNoiseCrypto}. */
export function noise(): ReturnType<typeof createNoise> {
  return createNoise({ crypto: createNoiseCrypto() })
}

/** The cryptography that the stack has by default: the same bytes, with less work. */
export function createNoiseCrypto(): ICryptoInterface {
  const keyOf = createKeyCache()
  return {
    ...defaultCrypto,
    chaCha20Poly1305Encrypt(plaintext, nonce, ad, k) {
      const isSmall = plaintext.byteLength < MIN_NODE_CIPHER_BYTES
      if (isSmall) return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, k)
      return nodeCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, keyOf(k))
    },
    // The stack's signature.
    // oxlint-disable-next-line max-params
    chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, dst) {
      const isSmall = ciphertext.byteLength < MIN_NODE_CIPHER_BYTES
      if (isSmall) return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, dst)
      const plaintext = nodeCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, keyOf(k))
      // A copy of the ciphertext for ciphers that decrypt in place; Node's does not.
      if (dst !== undefined) freeWhole(dst)
      return plaintext
    },
  }
}

/** Keys as Node wants them, made once for each that Noise holds, which it never overwrites, and gone with it. */
function createKeyCache(): (k: Uint8Array) => Uint8Array {
  const prepared = new WeakMap<Uint8Array, KeyObject>()
  return (k) => {
    const key = prepared.get(k) ?? createSecretKey(k)
    prepared.set(k, key)
    // The stack hands it on to Node, which takes keys of both kinds.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return key as unknown as Uint8Array
  }
}
