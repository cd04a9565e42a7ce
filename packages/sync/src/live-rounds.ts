import { announceNext, confirmLive } from './announcements.ts'
import type { DocumentState } from './document-state.ts'
import type { Exchange } from './exchange.ts'
import { push } from './live-edits.ts'

/**
 * When edits go to the peers. The first one goes to all of them at once; then the node rests, a few
 * times as long as that work took, and what changes meanwhile goes in the next round. With few peers
 * nobody notices; with many a busy document costs a bounded share of the time, and all peers get
 * the same changes in one message, which is encoded once.
 */
export class LiveRounds {
  readonly #exchange: Exchange
  /** Documents that go in the next round. */
  readonly #due = new Set<string>()
  #isResting = false

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  /** Tells whether peers are still to be given edits of the document. */
  isDue(id: string): boolean {
    return this.#due.has(id)
  }

  /** The document has changed, or a peer takes edits of it again. */
  add({ id }: DocumentState): void {
    this.#due.add(id)
    if (!this.#isResting) this.#begin()
  }

  /** The rest is over. */
  over(): void {
    this.#isResting = false
    this.flush()
  }

  /** Somebody waits: what is due goes at once. */
  flush(): void {
    if (this.#due.size === 0) return
    this.#begin()
    // What was not sent live is announced now.
    for (const peer of this.#exchange.peers.values()) {
      if (!peer.isReady || peer.queue.size === 0) continue
      confirmLive(this.#exchange, peer)
      announceNext(this.#exchange, peer)
    }
  }

  #begin(): void {
    const { replica, peers } = this.#exchange
    const states = [...this.#due].flatMap((id) => replica.knownDocument(id) ?? [])
    this.#due.clear()
    let sent = 0
    for (const state of states) {
      for (const peer of peers.values()) if (push(this.#exchange, peer, state)) sent += 1
    }
    if (sent === 0 || this.#isResting) return
    this.#isResting = true
    replica.effect({ type: 'rest' })
  }
}
