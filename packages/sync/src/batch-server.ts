import { concatBytes } from '@vudo/wire'
import { readStoredProof } from './authorship.ts'
import { buildBatch, toParts } from './change-batches.ts'
import type { DocumentState } from './document-state.ts'
import { SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import {
  MAX_BUNDLED_DOCUMENT_BYTES,
  MAX_OUTGOING_BYTES,
  MAX_SMALL_WANTS_IN_FLIGHT,
  MAX_WAITING_WANTS,
} from './limits.ts'
import type { ReadDocument } from './open-documents.ts'
import type { PeerState } from './peer-state.ts'
import type { RefusalReason, SyncMessage } from './wire.ts'

/* What a peer is given of the documents: what it asks for. */

/** Takes a request of a peer. */
export function handleWant(
  exchange: Exchange,
  peer: PeerState,
  want: SyncMessage & { type: 'want' },
): void {
  if (peer.requests.size >= MAX_WAITING_WANTS) {
    throw new SyncError('ERR_SYNC_PROTOCOL', `more than ${MAX_WAITING_WANTS} requests wait`)
  }
  peer.requests.set(want.id, want)
  // What a peer says of documents that are not here is not kept.
  if (exchange.replica.knownDocument(want.id)) peer.headsById.set(want.id, want.heads)
  serve(exchange, peer)
}

/** Gives one document after the other, as fast as the channel takes them. */
export function serve(exchange: Exchange, peer: PeerState): void {
  const { replica } = exchange
  while (!peer.isServing && peer.outgoingBytes < MAX_OUTGOING_BYTES) {
    const [next] = peer.requests
    if (!next) return
    const [id, { heads, have, isTaken = false }] = next
    const state = replica.knownDocument(id)
    const isSmall = state !== undefined && isSmallDocument(state)
    // Small ones are read together; a large one is alone in memory.
    if (peer.smallServed >= (isSmall ? MAX_SMALL_WANTS_IN_FLIGHT : 1)) return
    peer.requests.delete(id)
    if (!state || !replica.catalogue.knows(id)) refuse(exchange, peer, id, 'absent')
    else if (!exchange.mayRead(peer, id)) refuse(exchange, peer, id, 'not-allowed')
    else if (isTaken && isStoredWhole(state)) {
      peer.isServing = true
      replica.withStored(state, (read) => {
        peer.isServing = false
        if (exchange.isPresent(peer)) answerAsStored(exchange, peer, state, read)
      })
    } else {
      if (isSmall) peer.smallServed += 1
      else peer.isServing = true
      replica.withDocument(state, () => {
        if (isSmall) peer.smallServed -= 1
        else peer.isServing = false
        if (exchange.isPresent(peer)) answer(exchange, peer, { state, theirs: [...heads, ...have] })
      })
    }
  }
}

/** Tells whether a document is so small that many of them may be in memory at a time. */
export function isSmallDocument({ stored }: DocumentState): boolean {
  return stored.snapshotBytes + stored.laterBytes <= MAX_BUNDLED_DOCUMENT_BYTES
}

/** Tells whether the store holds a document as one saved document, so that it need not be opened to be sent. */
export function isStoredWhole({ doc, stored, isDirty, isHeld }: DocumentState): boolean {
  const isQuiet = doc === undefined && !isDirty && !isHeld
  return isQuiet && stored.chunkCount > 0 && stored.laterBytes === 0
}

/** Sends what the store holds, unless it has changed since it was asked for. */
function answerAsStored(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  { chunks, proofs }: ReadDocument,
): void {
  const payload = concatBytes(...chunks)
  const { heads } = state.stored
  const read = proofs.flatMap(readStoredProof)
  const isWhole = payload.length === state.stored.snapshotBytes && read.length === proofs.length
  if (!isStoredWhole(state) || !isWhole) {
    peer.requests.set(state.id, { heads: [], have: [] })
    return serve(exchange, peer)
  }
  const batch = { isAnswer: true, isSaved: true, isDeflated: false, heads, proofs: read, payload }
  for (const part of toParts(state.id, batch) ?? []) exchange.send(peer, part)
  serve(exchange, peer)
}

function answer(
  exchange: Exchange,
  peer: PeerState,
  { state, theirs }: { readonly state: DocumentState; readonly theirs: readonly string[] },
): void {
  const base = theirs.filter((hash) => state.has([hash]))
  const parts = toParts(
    state.id,
    buildBatch(state, base, { isAnswer: true, allowsBundle: peer.takesBundles }),
  )
  if (!parts) {
    refuse(exchange, peer, state.id, 'too-large')
    return serve(exchange, peer)
  }
  for (const part of parts) exchange.send(peer, part)
  // Looking for what a peer lacks costs more than asking does.
  if (state.heads.every((hash) => base.includes(hash))) {
    exchange.countFruitless(peer)
  }
  // Called back after reading, out of the loop.
  serve(exchange, peer)
}

/** Says that a document is not given, or was not taken. */
export function refuse(
  exchange: Exchange,
  peer: PeerState,
  id: string,
  reason: RefusalReason,
): void {
  exchange.send(peer, { type: 'refused', id, reason })
}
