import { createPublicKey, verify } from 'node:crypto'

/** DER around a raw public key (RFC 8410 section 4). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Whether the holder of `key` signed exactly `message`. For protocols of others alone: ours
 * sign under a tag, by `verifySignature`. Never throws.
 */
export function ed25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const der = Buffer.concat([spkiPrefix, key])
    return verify(
      null,
      message,
      createPublicKey({ key: der, format: 'der', type: 'spki' }),
      signature,
    )
  } catch {
    // No point of the curve, or not its length.
    return false
  }
}
