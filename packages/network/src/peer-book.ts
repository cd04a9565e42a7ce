/** Where peers can be reached, as far as this node has heard: bounded, the least recently heard of goes first. */
import type { Address, PeerId, PeerRecord } from '@vudo/transport'
import { MAX_KNOWN_PEERS } from './limits.ts'

interface KnownPeer {
  /** False while it is known from its hello only. */
  wasMet?: boolean
  record?: PeerRecord
  /** The address on which this node reached the peer last. */
  lastAddress?: Address
}

/** Remembers records and addresses. */
export class PeerBook {
  readonly #peers = new Map<PeerId, KnownPeer>()
  readonly #wallClock: () => number

  constructor(wallClock: () => number) {
    this.#wallClock = wallClock
  }

  /** Takes a verified record; true when it says something new. */
  learn(record: PeerRecord): boolean {
    const peer = this.#touch(record.peerId)
    const known = peer.record
    if (known !== undefined && known.sequence >= record.sequence) return false
    peer.record = record
    return known?.addresses.join(' ') !== record.addresses.join(' ')
  }

  /** A peer was found under a database; true the first time. */
  meet(peerId: PeerId): boolean {
    const peer = this.#touch(peerId)
    if (peer.wasMet === true) return false
    peer.wasMet = true
    return true
  }

  /** A dial of `address` led to the peer. */
  reached(peerId: PeerId, address: Address): void {
    this.#touch(peerId).lastAddress = address
  }

  /** The record that is known and has not expired. */
  record(peerId: PeerId): PeerRecord | undefined {
    const record = this.#peers.get(peerId)?.record
    return record !== undefined && record.expiresAtMs > this.#wallClock() ? record : undefined
  }

  /** The peer's addresses, the one that worked last first. */
  addresses(peerId: PeerId): Address[] {
    const last = this.#peers.get(peerId)?.lastAddress
    const all = [...(last === undefined ? [] : [last]), ...(this.record(peerId)?.addresses ?? [])]
    return [...new Set(all)]
  }

  #touch(peerId: PeerId): KnownPeer {
    const peer = this.#peers.get(peerId) ?? {}
    this.#peers.delete(peerId)
    this.#peers.set(peerId, peer)
    if (this.#peers.size > MAX_KNOWN_PEERS) {
      for (const oldest of this.#peers.keys()) {
        this.#peers.delete(oldest)
        break
      }
    }
    return peer
  }
}
