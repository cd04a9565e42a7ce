/**
 * Who a peer is: the lower-case hex of its 32-byte Ed25519 public key, 64
 * characters. The same on every transport, because one seed gives the same key
 * in all of them.
 */
export type PeerId = string

/**
 * Where a peer can be reached: a URI whose scheme names the transport, for example
 * `tcp://192.168.1.20:34569`. At most `MAX_ADDRESS_CHARACTERS` characters.
 */
export type Address = string

/** What peers of one database meet under: 32 bytes. Public: relays and discovery services see it. */
export type Topic = Uint8Array

/** A peer that was found. Nothing here is proven; a connection's `peerId` is. */
export interface PeerInfo {
  readonly id: PeerId
  /** One address of this transport, where the transport or a discovery knew one. */
  readonly address?: Address | undefined
}

/**
 * What a peer says about where it can be reached, signed by its key. Any discovery
 * carries it, so what one finds, every transport can dial.
 */
export interface PeerRecord {
  /** The signer: its signature over the rest has been verified by whoever made this object from bytes. */
  readonly peerId: PeerId
  /** At most `MAX_RECORD_ADDRESSES`, for all of the peer's transports, best first. */
  readonly addresses: readonly Address[]
  /** Higher replaces lower: a later record of the same peer. An integer from 0 on. */
  readonly sequence: number
  /** Milliseconds since 1970 after which nobody should use or pass on the record. */
  readonly expiresAtMs: number
  /** The 32-byte X25519 key to which others may seal messages; the peer replaces it now and then. */
  readonly sealingKey: Uint8Array
  /** The signed form, at most `MAX_RECORD_BYTES`, as it travels. Shared: do not change it. */
  readonly bytes: Uint8Array
}

/** Tells whether `value` is written as a peer id; whether anybody holds the key is another question. */
export function isPeerId(value: unknown): value is PeerId {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}
