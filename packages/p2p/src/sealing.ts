import { createSealingKeys, type NodeKey, type SealingKeys } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import type { TransportContext } from '@vudo/transport'
import { SEALING_KEY_LIFETIME_MS } from './limits.ts'

/** The keys to which others seal messages for this node, and what names them in its records. */
export interface Sealing {
  readonly keys: SealingKeys
  /** For transports: records that they sign name the current key. */
  readonly context: Omit<TransportContext, 'settings'>
  /** Ends the rotation. */
  close(): void
}

/** Makes new keys, and replaces the current one once a day: what was sealed to older ones stays closed, even for who steals the device. */
export function createSealing(key: NodeKey): Sealing {
  const keys = createSealingKeys({ now: Date.now })
  const contextNow = (): Omit<TransportContext, 'settings'> =>
    createTransportContext(key, { sealingKey: keys.publicKey })
  let current = contextNow()
  const timer = setInterval(() => {
    keys.rotate()
    current = contextNow()
  }, SEALING_KEY_LIFETIME_MS)
  // A node that was only opened does not keep a program alive; the sockets of a started one do.
  timer.unref()
  return {
    keys,
    context: { ...current, signRecord: (addresses) => current.signRecord(addresses) },
    close: () => clearInterval(timer),
  }
}
