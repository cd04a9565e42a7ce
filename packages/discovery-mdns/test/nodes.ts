import { createNodeKey, signPeerRecord, type NodeKey } from '@vudo/identity'
import type { PeerRecord } from '@vudo/transport'

export interface RecordInit {
  readonly key?: NodeKey
  readonly sequence?: number
  readonly expiresAtMs?: number
}

/** A record of a new node, or of `key`, that lives for an hour. */
export function createRecord({ key, sequence, expiresAtMs }: RecordInit = {}): PeerRecord {
  return signPeerRecord(key ?? createNodeKey(), {
    addresses: ['tcp://192.168.1.20:34569'],
    sequence: sequence ?? 1,
    expiresAtMs: expiresAtMs ?? Date.now() + 3_600_000,
    sealingKey: new Uint8Array(32).fill(9),
  })
}
