/**
 * What the primitives of all platforms take and give. `#crypto` is `crypto.browser.ts`
 * where the condition `browser` holds and `crypto.ts` elsewhere: package.json says so.
 */

/** What `hkdfSha256` takes besides the secret. */
export interface HkdfOptions {
  /**
   * Not secret, any length.
   *
   * @defaultValue empty
   */
  readonly salt?: Uint8Array | undefined
  /** What the key is for; another info gives an independent key. At most 1,024 bytes. */
  readonly info: Uint8Array
  /** Bytes of the result: 1 to 8,160. */
  readonly length: number
}

/** An Ed25519 key pair whose private half stays inside. */
export interface Ed25519Pair {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** One side of an X25519 agreement. Its private half stays inside. */
export interface AgreementKey {
  /** 32 bytes, for the far end. */
  readonly publicKey: Uint8Array
  /**
   * The 32-byte secret shared with the holder of `theirPublic`. Derive keys from
   * it with `hkdfSha256`; do not use it as one.
   *
   * @param theirPublic - 32 bytes from the far end.
   * @throws `IdentityError` `ERR_AGREEMENT_INVALID` when its length is wrong or it is a
   *   point of small order, which would make the secret zero (RFC 7748 section 6.1).
   */
  agree(theirPublic: Uint8Array): Uint8Array
}

/** What both directions of AES-256-GCM take. */
export interface AesGcmInput {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 12 bytes; never twice with one key. */
  readonly nonce: Uint8Array
  /** What is authenticated and not encrypted. */
  readonly associatedData: Uint8Array
}
