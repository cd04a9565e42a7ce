import type { Exchange } from './exchange.ts'
import { digestOfAll } from './fingerprints.ts'
import { MAX_CHECK_PAUSE, MAX_KEPT_DIGESTS } from './limits.ts'
import type { PeerState } from './peer-state.ts'
import { contentsFor } from './range-reconciliation.ts'
import type { SyncMessage } from './wire.ts'

/*
 * A safety net. Positions and acknowledgements say what a peer has; this finds out when
 * they lie: after a damaged disk, a restored half of one, or a fault of this program.
 * Now and then, when nothing is under way with a peer and something has become durable
 * since they were last found to be the same, one end sends a digest of everything. Equal
 * is answered by silence, and anything else begins a comparison.
 */

/** What is kept of the checks of one channel. */
export interface CheckState {
  /** Of our store when it was last compared; nothing later, nothing to compare. */
  comparedAt: number | undefined
  /** One digest of the peer is looked at in each of our intervals: each may cost a look at everything. */
  mayAnswer: boolean
  /** Intervals until a difference is worth the next comparison. */
  pause: number
  /** What {@link pause} was set to last: it grows while comparisons end nothing, as with a document that one end refuses. */
  lastPause: number
}

/** The checks of a channel that has just opened: one is due. */
export function createCheckState(): CheckState {
  return { comparedAt: undefined, mayAnswer: true, pause: 0, lastPause: 0 }
}

/** Digests of what lies in this store, as peers with certain authors see it. */
export class Digests {
  #arrival = -1
  readonly #byAuthors = new Map<string, string>()

  /** Worked out once for all peers that see the same. */
  of(exchange: Exchange, peer: PeerState): string {
    const { durableArrival, init } = exchange.replica
    if (this.#arrival !== durableArrival || this.#byAuthors.size >= MAX_KEPT_DIGESTS) {
      this.#byAuthors.clear()
      this.#arrival = durableArrival
    }
    // Without a policy everybody sees everything.
    const authors = init.policy ? peer.authors.join() : ''
    const known = this.#byAuthors.get(authors)
    if (known !== undefined) return known
    const digest = digestFor(exchange, peer)
    this.#byAuthors.set(authors, digest)
    return digest
  }
}

/** Of a deleted document each device decides for itself when its bytes go. */
function digestFor(exchange: Exchange, peer: PeerState): string {
  const { catalogue } = exchange.replica
  return digestOfAll(contentsFor(exchange, peer, (id) => catalogue.isLive(id)))
}

/** The interval is over: sends a digest to each peer with which something could differ. */
export function checkPeers(exchange: Exchange): void {
  for (const peer of exchange.peers.values()) {
    const { check } = peer
    check.mayAnswer = true
    check.pause = Math.max(0, check.pause - 1)
    const { durableArrival } = exchange.replica
    if (check.comparedAt === durableArrival || !isIdle(exchange, peer)) continue
    check.comparedAt = durableArrival
    exchange.send(peer, { type: 'digest', digest: exchange.digests.of(exchange, peer) })
  }
}

/** Takes the digest of a peer, and begins a comparison when ours is another one. */
export function handleDigest(
  exchange: Exchange,
  peer: PeerState,
  { digest }: SyncMessage & { type: 'digest' },
): void {
  const { check } = peer
  // What is under way changes our store or the peer's, and either end checks then.
  if (!check.mayAnswer || !isIdle(exchange, peer)) {
    check.comparedAt = undefined
    return
  }
  check.mayAnswer = false
  check.comparedAt = exchange.replica.durableArrival
  if (digest === exchange.digests.of(exchange, peer)) {
    check.pause = 0
    check.lastPause = 0
  } else if (check.pause === 0) {
    check.lastPause = Math.min(MAX_CHECK_PAUSE, 2 * check.lastPause + 1)
    check.pause = check.lastPause
    exchange.compareAgain((one) => one === peer)
  }
}

/** Nothing is under way with the peer, and what is in memory is durable. */
function isIdle({ replica }: Exchange, peer: PeerState): boolean {
  const outgoing = peer.queue.size + peer.pagesInFlight.size + peer.sentEdits.length
  const incoming = peer.wants.size + peer.incoming.length + peer.owedPages + peer.takenById.size
  const isSettled = peer.isReady && peer.heardLast && peer.saidLast && !peer.isHolding
  const isComparing = peer.sentRanges.length > 0
  return isSettled && !isComparing && outgoing + incoming === 0 && !replica.isWriting
}
