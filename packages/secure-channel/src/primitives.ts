/**
 * What the primitives of all platforms take and give. `#crypto` is `crypto.browser.ts`
 * where the condition `browser` holds and `crypto.ts` elsewhere: package.json says so.
 */

/** Bytes of an X25519 public key and of an agreement (RFC 7748). */
export const X25519_BYTES = 32

/** An X25519 key pair whose private half stays inside. */
export interface X25519KeyPair {
  /** 32 bytes. Shared: do not change it. */
  readonly publicKey: Uint8Array
  /**
   * The 32 bytes that both ends share.
   *
   * @throws `SecureChannelError` `ERR_CHANNEL_KEY` for a public key of small order: the
   *   agreement would be all zero and known to everybody. Noise (section 12.1) leaves
   *   the choice; OpenSSL and noble refuse, and so do we.
   */
  agree(theirs: X25519PublicKey): Uint8Array
}

/** The far end's key, read once for several agreements. */
export interface X25519PublicKey {
  /** 32 bytes. Shared: do not change it. */
  readonly bytes: Uint8Array
}

/** What is sealed under one nonce. */
export interface AesGcmPlain {
  /** Authenticated but not contained. */
  readonly associatedData: Uint8Array
  /** Sealed as their concatenation. */
  readonly parts: readonly Uint8Array[]
}

/** An AES-256 key for GCM. A nonce has 12 bytes, is copied, and is never used twice for sealing. */
export interface AesGcmKey {
  /** The ciphertext and its tag, {@link TAG_BYTES} longer than the parts; `giveRecord` takes the buffer back. */
  seal(nonce: Uint8Array, plain: AesGcmPlain): Uint8Array
  /** What was sealed, in a new buffer; `undefined` when anything of it was altered. `sealed` has room for a tag. */
  open(nonce: Uint8Array, associatedData: Uint8Array, sealed: Uint8Array): Uint8Array | undefined
}
