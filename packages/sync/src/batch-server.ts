import { concatBytes, createByteReader } from '@vudo/wire'
import { readProof } from './authorship.ts'
import { buildBatch, toParts } from './change-batches.ts'
import { isBundleChunk } from './automerge-chunks.ts'
import { isAckOf, sameHeads, type DocumentState, type EncodedBatch } from './document-state.ts'
import { SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import {
  MAX_BUNDLED_DOCUMENT_BYTES,
  MAX_EARLY_DOCUMENTS,
  MAX_LIVE_BYTES,
  MAX_OUTGOING_BYTES,
  MAX_SMALL_WANTS_IN_FLIGHT,
  MAX_WAITING_WANTS,
} from './limits.ts'
import type { ReadDocument } from './open-documents.ts'
import type { PeerState } from './peer-state.ts'
import { encodeBatch, type RefusalReason, type SyncMessage } from './wire.ts'

/* What a peer is given of the documents: what it asks for, and live edits. */

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
  if (!isStoredWhole(state) || payload.length !== state.stored.snapshotBytes) {
    peer.requests.set(state.id, { heads: [], have: [] })
    return serve(exchange, peer)
  }
  const read = proofs.map((bytes) => readProof(createByteReader(bytes)))
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

/**
 * Gives a live edit to a peer that is known to have what it builds on. Another follows
 * when this one is received, and only if the document has changed meanwhile: what a peer
 * says it has costs a walk through the history once for each change and not more.
 */
export function push(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  { isEarly = false }: { readonly isEarly?: boolean } = {},
): void {
  const { id } = state
  peer.pushDue.delete(id)
  if (
    !(peer.isReady || isEarly) ||
    !state.doc ||
    peer.oversized.has(id) ||
    !exchange.mayRead(peer, id)
  )
    return
  const theirs = headsOf(exchange, peer, state)
  // Nothing is known of it: it is announced.
  if (!theirs || sameHeads(theirs, state.heads)) return
  // A slow peer is told of it once it is durable as well, and asks when it can.
  const isSlow = peer.outgoingBytes >= MAX_OUTGOING_BYTES
  if (isSlow || peer.pushed.has(id) || !state.has(theirs)) {
    peer.pushDue.add(id)
    return
  }
  const { bytes } = batchSince(state, theirs, peer.takesBundles)
  // What does not fit into one message is announced and asked for.
  if (bytes.length > MAX_LIVE_BYTES) return
  peer.pushed.add(id)
  exchange.send(peer, { type: 'part', id, totalBytes: bytes.length, offset: 0, bytes })
}

/**
 * Gives the edits of open documents with the hello, to a peer that has stored what they build on:
 * two that have both edited offline need no more than that. A policy may ask who the peer is, which
 * only its hello tells.
 */
export function pushEarly(exchange: Exchange, peer: PeerState): void {
  const { replica } = exchange
  if (replica.init.policy) return
  for (const state of replica.documents()) {
    if (peer.pushed.size >= MAX_EARLY_DOCUMENTS || peer.outgoingBytes > MAX_LIVE_BYTES) return
    const ack = state.ackByPeer.get(peer.peerId)
    if (!state.doc || !ack || isAckOf(ack, state.heads)) continue
    push(exchange, peer, state, { isEarly: true })
  }
}

/** Encoded once for all peers that are in the same state; often it is what has just come, and is only passed on. */
function batchSince(
  state: DocumentState,
  base: readonly string[],
  allowsBundle: boolean,
): EncodedBatch {
  const { lastBatch, heads } = state
  const isUsable = lastBatch && (allowsBundle || !lastBatch.isBundle)
  if (isUsable && sameHeads(lastBatch.base, base) && sameHeads(lastBatch.heads, heads)) {
    return lastBatch
  }
  const batch = buildBatch(state, base, { isAnswer: false, allowsBundle })
  const isBundle = !batch.isSaved && isBundleChunk(batch.payload)
  state.lastBatch = { base, heads, bytes: encodeBatch(batch), isBundle }
  return state.lastBatch
}

function headsOf(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
): readonly string[] | undefined {
  const told = peer.headsById.get(state.id)
  if (told) return told
  const ack = state.ackByPeer.get(peer.peerId)
  return typeof ack === 'string' ? undefined : ack
}
