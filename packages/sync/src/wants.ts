import { isSmallDocument } from './batch-server.ts'
import { sampleHistory } from './change-batches.ts'
import type { Exchange } from './exchange.ts'
import { MAX_SMALL_WANTS_IN_FLIGHT, MAX_WANTS_IN_FLIGHT } from './limits.ts'
import type { PeerState } from './peer-state.ts'
import type { Replica } from './replica.ts'

/** Asks a peer for what it has announced, so many documents at a time. */
export function askNext(exchange: Exchange, peer: PeerState): void {
  const { replica } = exchange
  // Those in flight are among them: called for each document of a page, it must not look at all of them.
  if (peer.wantsInFlight >= peer.wants.size) return
  for (const [id, want] of peer.wants) {
    if (want.isAsked) continue
    if (peer.wantsInFlight >= maxWants(replica, id)) return
    want.isAsked = true
    want.rounds += 1
    peer.wantsInFlight += 1
    peer.answersDue += 1
    const state = replica.document(id)
    replica.withDocument(state, () => {
      // The second time from scratch: what we think we have may be what is wrong.
      const isFirst = want.rounds === 1
      const heads = isFirst ? state.heads : []
      // A peer that has stored our heads finds what is newer without a look at what is older.
      const have = isFirst && !exchange.hasStored(peer, state) ? sampleHistory(state) : []
      exchange.send(peer, { type: 'want', id, heads, have })
    })
  }
}

/** What comes for a small document is small, as a rule, and need not wait for what comes for others. */
function maxWants(replica: Replica, id: string): number {
  return isSmallDocument(replica.document(id)) ? MAX_SMALL_WANTS_IN_FLIGHT : MAX_WANTS_IN_FLIGHT
}
