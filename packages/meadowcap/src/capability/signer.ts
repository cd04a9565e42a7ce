import { bytesEqual } from '@vudo/wire'
import { MeadowcapError } from '../errors.ts'

/**
 * Whoever can sign: a key from `createUserKey` or `createNamespaceKey`, or anything
 * that keeps its secret elsewhere.
 */
export interface Signer {
  /** 32 bytes: an Ed25519 public key. */
  readonly publicKey: Uint8Array
  /** Signs the bytes as they are, by Ed25519: 64 bytes. */
  sign(message: Uint8Array): Uint8Array
}

/** Throws unless `signer` has the key that a capability was granted to. */
export function assertSigner(signer: Signer, key: Uint8Array, who: string): void {
  if (bytesEqual(signer.publicKey, key)) return
  throw new MeadowcapError('ERR_CAPABILITY_RECEIVER', `the signing key is not that of ${who}`, {
    hint: 'sign with the key that the capability was granted to',
  })
}
