import type { PeerId } from '@vudo/transport'
import { SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import {
  MAX_BROADCAST_BACKLOG_BYTES,
  MAX_BROADCAST_BYTES,
  MAX_BROADCASTS_PER_SECOND,
  MAX_KNOWN_PEERS,
} from './limits.ts'
import type { PeerState } from './peer-state.ts'
import type { SyncMessage } from './wire.ts'

/** So many in each second of its own clock. */
export class BroadcastRate {
  #second = -1
  #count = 0

  take(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000)
    if (second !== this.#second) this.#count = 0
    this.#second = second
    this.#count += 1
    return this.#count <= MAX_BROADCASTS_PER_SECOND
  }
}

/**
 * Messages that are not stored: to every connected peer that may read the
 * document, and no further. Who sent one is proven by the session that it came through.
 */
export class Broadcasts {
  readonly #exchange: Exchange
  readonly #own = new BroadcastRate()
  #number = 0
  /** Of each peer that was heard: the life of its store, the last number of it, and how often it speaks. */
  readonly #heard = new Map<PeerId, { run: string; number: number; readonly rate: BroadcastRate }>()

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  /**
   * Sends to all who are there.
   *
   * @returns How many peers it was handed to.
   * @throws `SyncError` `ERR_SYNC_LIMIT` when it is too large, or one too many in this second.
   */
  send(id: string, content: Uint8Array, nowMs: number): number {
    if (content.length > MAX_BROADCAST_BYTES) {
      const message = `the broadcast has ${content.length} bytes, at most ${MAX_BROADCAST_BYTES}`
      throw new SyncError('ERR_SYNC_LIMIT', message)
    }
    if (!this.#own.take(nowMs)) {
      const message = `more than ${MAX_BROADCASTS_PER_SECOND} broadcasts in a second`
      throw new SyncError('ERR_SYNC_LIMIT', message, { hint: 'send the newest state only' })
    }
    this.#number += 1
    const peers = [...this.#exchange.peers.values()].filter((peer) => this.#isFor(peer, id))
    for (const peer of peers) {
      this.#exchange.send(peer, { type: 'broadcast', id, number: this.#number, content })
    }
    return new Set(peers.map(({ peerId }) => peerId)).size
  }

  #isFor(peer: PeerState, id: string): boolean {
    if (!peer.isReady || peer.outgoingBytes > MAX_BROADCAST_BACKLOG_BYTES) return false
    return this.#exchange.mayRead(peer, id)
  }

  /** Takes one of a peer. What comes twice, through two channels, is told once. */
  take(peer: PeerState, message: SyncMessage & { type: 'broadcast' }, nowMs: number): void {
    const { id, number, content } = message
    const { replica } = this.#exchange
    const heard = this.#heardOf(peer)
    const isNew = heard.run !== peer.run || number > heard.number
    if (!heard.rate.take(nowMs) || !isNew) return
    heard.run = peer.run
    heard.number = number
    const path = replica.catalogue.pathOf(id)
    // Nobody here may have it open, or the peer may not know of it at all.
    if (path === undefined || !replica.catalogue.isLive(id)) return
    if (!this.#exchange.mayRead(peer, id)) return
    const { peerId, authors } = peer
    const copy = content.slice()
    replica.emit({
      type: 'document:broadcast',
      id,
      path,
      peerId,
      author: authors[0],
      content: copy,
    })
  }

  #heardOf({ peerId, run }: PeerState): {
    run: string
    number: number
    readonly rate: BroadcastRate
  } {
    const heard = this.#heard.get(peerId) ?? { run, number: 0, rate: new BroadcastRate() }
    this.#heard.delete(peerId)
    this.#heard.set(peerId, heard)
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > MAX_KNOWN_PEERS && oldest !== undefined) this.#heard.delete(oldest)
    return heard
  }
}
