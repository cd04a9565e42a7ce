import type { PeerId } from '@vudo/transport'
import type { Ack } from './document-heads.ts'

/**
 * What each peer has stored of one document, the longest unchanged first.
 *
 * Most documents are acknowledged by one peer, and there are many of them: a map for each
 * would take more memory than all else that is kept of a closed document.
 */
export class AckBook {
  /** The only peer, unless there are more. */
  #peer: PeerId | undefined
  #ack: Ack | undefined
  #more: Map<PeerId, Ack> | undefined

  get size(): number {
    if (this.#more) return this.#more.size
    return this.#peer === undefined ? 0 : 1
  }

  get(peer: PeerId): Ack | undefined {
    if (this.#more) return this.#more.get(peer)
    return this.#peer === peer ? this.#ack : undefined
  }

  set(peer: PeerId, ack: Ack): void {
    if (!this.#more && this.#peer !== undefined && this.#peer !== peer) {
      this.#more = new Map(this)
      this.#keepOne(undefined, undefined)
    }
    if (this.#more) this.#more.set(peer, ack)
    else this.#keepOne(peer, ack)
  }

  delete(peer: PeerId): void {
    if (this.#more) this.#more.delete(peer)
    else if (this.#peer === peer) this.#keepOne(undefined, undefined)
  }

  #keepOne(peer: PeerId | undefined, ack: Ack | undefined): void {
    this.#peer = peer
    this.#ack = ack
  }

  *[Symbol.iterator](): Generator<[PeerId, Ack]> {
    if (this.#more) yield* this.#more
    else if (this.#peer !== undefined && this.#ack !== undefined) yield [this.#peer, this.#ack]
  }

  keys(): readonly PeerId[] {
    return Array.from(this, ([peer]) => peer)
  }

  /** Tells whether any of them is one that `isMeant` tells. */
  some(isMeant: (ack: Ack) => boolean): boolean {
    if (this.#more) return [...this.#more.values()].some(isMeant)
    return this.#ack !== undefined && isMeant(this.#ack)
  }
}
