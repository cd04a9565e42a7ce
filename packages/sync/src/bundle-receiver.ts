import { createByteReader, type ByteReader } from '@vudo/wire'
import { readProof } from './authorship.ts'
import { apply, keep } from './batch-receiver.ts'
import { inflateExactly } from './deflate.ts'
import { SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { MAX_ACTORS, MAX_BUNDLED_DOCUMENT_BYTES, MAX_PAGE_ENTRIES } from './limits.ts'
import { dictionaryOf } from './page-takes.ts'
import type { IncomingPage, PeerState } from './peer-state.ts'
import type { ChangeBatch } from './batch-wire.ts'
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
  const reader = createByteReader(bytes)
  while (reader.remaining > 0) takeDocument(exchange, peer, page, reader)
}

function takeDocument(
  exchange: Exchange,
  peer: PeerState,
  page: IncomingPage,
  reader: ByteReader,
): void {
  const entry = page.entries[reader.varint(MAX_PAGE_ENTRIES - 1)]
  const count = reader.varint(MAX_ACTORS)
  const proofs: ChangeBatch['proofs'][number][] = []
  for (let index = 0; index < count; index++) proofs.push(readProof(reader))
  const payload = reader.prefixed(MAX_BUNDLED_DOCUMENT_BYTES)
  const want = entry && peer.wants.get(entry.id)
  if (!entry || !want?.isTaken || !exchange.isPresent(peer)) return
  const { id, heads } = entry
  const batch = { isAnswer: true, isSaved: true, isDeflated: false, heads, proofs, payload }
  const state = exchange.replica.document(id)
  if (state.isBlank) return keep(exchange, peer, state, batch)
  const kept = { ...batch, payload: payload.slice() }
  exchange.replica.withDocument(state, () => {
    if (exchange.isPresent(peer)) apply(exchange, peer, state, kept)
  })
}
