/**
 * Where peers can be reached, as far as this node has heard: bounded, the least recently
 * heard of goes first. What several discoveries tell of one peer becomes one entry: the
 * newest record counts, whoever brought it.
 *
 * Each address is as good as its source. From anywhere, a signed record says what its
 * peer wants others to dial; addresses of private networks in it are kept back until the
 * local network (a discovery with `isLocal`) or the peer itself, after it has proven a
 * common database, has named them as well.
 */
import type { Address, PeerId, PeerRecord } from '@vudo/transport'
import { MAX_KNOWN_PEERS, MAX_VOUCHED_ADDRESSES } from './limits.ts'
import { publicPart } from './private-address.ts'

interface KnownPeer {
  /** False while it is known from its hello only. */
  wasMet?: boolean
  record?: PeerRecord
  /** Addresses that the local network has named, with the time until which they count. */
  readonly vouched: Map<Address, number>
  /** The address on which this node reached the peer last. */
  lastAddress?: Address
  /** True once a session with it has proven a common database. */
  isProven?: boolean
}

/** An address, and how far its source can be trusted. */
export interface KnownAddress {
  readonly address: Address
  /** True when only a record says so that anybody may have passed on. */
  readonly isHearsay: boolean
}

/** Remembers records and addresses. */
export class PeerBook {
  readonly #peers = new Map<PeerId, KnownPeer>()
  readonly #wallClock: () => number

  constructor(wallClock: () => number) {
    this.#wallClock = wallClock
  }

  /**
   * Takes a verified record; true when it says something new.
   *
   * @param isLocal - It came from the local network itself.
   */
  learn(record: PeerRecord, isLocal: boolean): boolean {
    const peer = this.#touch(record.peerId)
    const before = this.addresses(record.peerId).length
    if (isLocal) this.#vouch(peer, record)
    const known = peer.record
    if (known !== undefined && known.sequence >= record.sequence) {
      return this.addresses(record.peerId).length > before
    }
    peer.record = record
    return known?.addresses.join(' ') !== record.addresses.join(' ')
  }

  /** A session with the peer has proven a common database: what it signs of itself is believed from now on. */
  prove(peerId: PeerId): void {
    this.#touch(peerId).isProven = true
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

  /** What may be dialled to reach the peer: the address that worked last, then those of its record, then older ones. */
  addresses(peerId: PeerId): KnownAddress[] {
    const peer = this.#peers.get(peerId)
    if (peer === undefined) return []
    const nowMs = this.#wallClock()
    const known = new Map<Address, KnownAddress>()
    const note = (address: Address | undefined, isHearsay: boolean): void => {
      if (address !== undefined && !known.has(address)) known.set(address, { address, isHearsay })
    }
    note(peer.lastAddress, false)
    for (const address of this.record(peerId)?.addresses ?? []) {
      const isVouched = peer.isProven === true || (peer.vouched.get(address) ?? 0) > nowMs
      note(isVouched ? address : publicPart(address), !isVouched)
    }
    for (const [address, untilMs] of peer.vouched) if (untilMs > nowMs) note(address, false)
    return [...known.values()]
  }

  #vouch({ vouched }: KnownPeer, { addresses, expiresAtMs }: PeerRecord): void {
    for (const address of addresses) {
      vouched.delete(address)
      vouched.set(address, expiresAtMs)
    }
    for (const oldest of vouched.keys()) {
      if (vouched.size <= MAX_VOUCHED_ADDRESSES) break
      vouched.delete(oldest)
    }
  }

  #touch(peerId: PeerId): KnownPeer {
    const peer = this.#peers.get(peerId) ?? { vouched: new Map<Address, number>() }
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
