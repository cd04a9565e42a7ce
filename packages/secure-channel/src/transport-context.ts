import { createSealingKeys, signPeerRecord, type NodeKey } from '@vudo/identity'
import type { Address, Discovery, PeerRecord, TransportContext } from '@vudo/transport'
import { RECORD_LIFETIME_MS } from './limits.ts'
import { secureLink } from './secure-link.ts'
import { createStaticKeys } from './static-keys.ts'

/** What {@link createTransportContext} takes besides the key. */
export interface TransportContextInit {
  /** Where transports look for peers. @defaultValue none */
  readonly discoveries?: readonly Discovery[] | undefined
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
  /**
   * The 32-byte X25519 key to which others may seal messages, for the peer record.
   *
   * @defaultValue one whose private half is forgotten: what others seal to it stays closed
   */
  readonly sealingKey?: Uint8Array | undefined
}

/**
 * What every transport of one node is created with: who the node is, how it proves
 * that, and how it signs where it can be reached. `createTransport` adds the settings.
 *
 * Peer records live 24 hours. Their sequence is the time in milliseconds, and higher
 * than the one before even when the clock was set back.
 *
 * @throws `RangeError` from `signRecord` when the addresses do not make a valid record.
 */
export function createTransportContext(
  key: NodeKey,
  init: TransportContextInit = {},
): Omit<TransportContext, 'settings'> {
  const { discoveries = [], now = Date.now } = init
  const { sealingKey = createSealingKeys({ now }).publicKey } = init
  const staticKeys = createStaticKeys(now)
  let sequence = 0
  return {
    peerId: key.peerId,
    seed: key.seed,
    discoveries,
    signRecord(addresses: readonly Address[]): PeerRecord {
      const nowMs = now()
      sequence = Math.max(nowMs, sequence + 1)
      const expiresAtMs = nowMs + RECORD_LIFETIME_MS
      return signPeerRecord(key, { addresses, sequence, expiresAtMs, sealingKey })
    },
    secure: (pipe, options) => secureLink(pipe, { ...options, key, staticKeys }),
  }
}
