import { apply, keep, takeAnswer } from './batch-receiver.ts'
import { inflateExactly } from './deflate.ts'
import { decodeDocuments, type SentDocument } from './documents-wire.ts'
import { SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { dictionaryOf } from './page-takes.ts'
import type { PeerState } from './peer-state.ts'
import type { SyncMessage } from './wire.ts'

/* Documents that were taken many at a time, and are left closed. */

/** Takes a message with many documents. */
export function handleDocuments(
  exchange: Exchange,
  peer: PeerState,
  { number, inflatedBytes, deflated }: SyncMessage & { type: 'documents' },
): void {
  const page = peer.incoming.find((one) => one.number === number)
  // All of it may have come from another peer meanwhile.
  if (!page) return exchange.countFruitless(peer)
  const bytes = inflateExactly(deflated, inflatedBytes, dictionaryOf(page.entries))
  if (!bytes) throw new SyncError('ERR_SYNC_PROTOCOL', 'documents that do not inflate')
  const { database } = exchange.replica.init
  const documents = decodeDocuments({ database, entries: page.entries }, bytes)
  for (const document of documents) takeDocument(exchange, peer, document)
}

function takeDocument(
  exchange: Exchange,
  peer: PeerState,
  { entry: { id, heads }, proofs, saved: payload, isSignedTogether }: SentDocument,
): void {
  if (!exchange.isPresent(peer)) return
  const batch = { isAnswer: true, isSaved: true, isDeflated: false, heads, proofs, payload }
  if (!peer.wants.get(id)?.isTaken) {
    // It was asked for if another peer was quicker; more than that nobody sends by mistake.
    if (!takeAnswer(peer, batch)) exchange.countFruitless(peer)
    return
  }
  const state = exchange.replica.document(id)
  if (state.isBlank) return keep(exchange, peer, state, { ...batch, isSignedTogether })
  const kept = { ...batch, payload: payload.slice() }
  exchange.replica.withDocument(state, () => {
    if (exchange.isPresent(peer)) apply(exchange, peer, state, kept)
  })
}
