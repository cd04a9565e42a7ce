import { createSealingKeys, signPeerRecord, type SealingKeys } from '@vudo/identity'
import { MAX_RECORD_ADDRESSES, type Address, type PeerRecord } from '@vudo/transport'
import { RECORD_LIFETIME_MS } from './limits.ts'
import type { NetworkInit } from './network.ts'

/** What this node says about where it can be reached: signed anew when that changes, and before it expires. */
export class OwnRecord {
  readonly #init: NetworkInit
  readonly #sealingKeys: SealingKeys
  readonly #wallClock: () => number
  #record: PeerRecord | undefined

  constructor(init: NetworkInit, wallClock: () => number) {
    this.#init = init
    this.#wallClock = wallClock
    this.#sealingKeys = init.sealingKeys ?? createSealingKeys({ now: wallClock })
  }

  /** The addresses of all transports, each transport's best first. */
  addresses(): Address[] {
    return this.#init.transports.flatMap((transport) => [...transport.addresses])
  }

  /** The record at this moment; the same object until it changes. */
  current(): PeerRecord {
    const present = this.#record
    const nowMs = this.#wallClock()
    const addresses = this.addresses().slice(0, MAX_RECORD_ADDRESSES)
    if (present !== undefined && isGood(present, addresses, nowMs)) return present
    const record = this.#sign(addresses, Math.max(nowMs, (present?.sequence ?? 0) + 1))
    this.#record = record
    return record
  }

  /** Signs as many addresses as fit into a record. */
  #sign(addresses: readonly Address[], sequence: number): PeerRecord {
    const content = {
      addresses,
      sequence: Math.floor(sequence),
      expiresAtMs: Math.floor(this.#wallClock() + RECORD_LIFETIME_MS),
      sealingKey: this.#sealingKeys.publicKey,
    }
    try {
      return signPeerRecord(this.#init.key, content)
    } catch (error) {
      if (!(error instanceof RangeError) || addresses.length === 0) throw error
      return this.#sign(addresses.slice(0, -1), sequence)
    }
  }
}

function isGood(record: PeerRecord, addresses: readonly Address[], nowMs: number): boolean {
  if (record.expiresAtMs < nowMs + RECORD_LIFETIME_MS / 2) return false
  return addresses.slice(0, record.addresses.length).join(' ') === record.addresses.join(' ')
}
