import { bytesToHex } from '@vudo/wire'
import { MAX_CACHED_KEYS, SEED_BYTES, SIGNATURE_BYTES } from './limits.ts'
import { isBelowOrder, isStrictPoint } from './strict-points.ts'

/** Ed25519 public keys that were read, in the form in which the platform verifies with them. */
export interface KeyCache<Key> {
  /**
   * The key when it and the signature are of the strict form (see `strict-points.ts`);
   * `undefined` when one is not, or the key is no point of the curve.
   */
  strictKey(publicKey: Uint8Array, signature: Uint8Array): Key | undefined
  /** How many are kept. */
  readonly size: number
}

/**
 * Keeps the keys that were used last, at most {@link MAX_CACHED_KEYS}.
 *
 * @param read - Reads 32 bytes; throws where they are no point of the curve, if the platform looks.
 */
export function createKeyCache<Key>(read: (publicKey: Uint8Array) => Key): KeyCache<Key> {
  /** By their hex, the least recently used one first. All are strict points. */
  const keys = new Map<string, Key>()

  function keyOf(publicKey: Uint8Array): Key | undefined {
    const hex = bytesToHex(publicKey)
    let key = keys.get(hex)
    if (key === undefined) {
      if (!isStrictPoint(publicKey)) return undefined
      try {
        key = read(publicKey)
      } catch {
        // No point of the curve: nothing is signed by it.
        return undefined
      }
    }
    keys.delete(hex)
    keys.set(hex, key)
    forgetOldest()
    return key
  }

  function forgetOldest(): void {
    if (keys.size <= MAX_CACHED_KEYS) return
    for (const oldest of keys.keys()) {
      keys.delete(oldest)
      return
    }
  }

  return {
    get size() {
      return keys.size
    },
    strictKey(publicKey, signature) {
      if (signature.length !== SIGNATURE_BYTES || publicKey.length !== SEED_BYTES) return undefined
      const isStrict =
        isStrictPoint(signature.subarray(0, 32)) && isBelowOrder(signature.subarray(32))
      return isStrict ? keyOf(publicKey) : undefined
    },
  }
}
