import { concatBytes, isWireError } from '@vudo/wire'
import { settleDocument } from './announcements.ts'
import { applyBatch, keepBatch, vettingPieces, type BatchOutcome } from './apply-batch.ts'
import { ownHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { isSyncError, SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { MAX_ASK_ROUNDS, MAX_INCOMING_BYTES, MAX_PEER_INCOMING_BYTES } from './limits.ts'
import type { PeerState, Transfer } from './peer-state.ts'
import { refuse } from './batch-server.ts'
import { decodeBatch, type ChangeBatch } from './batch-wire.ts'
import type { SyncMessage } from './wire.ts'
import { askNext } from './wants.ts'

/* What a peer sends of the documents: parts of batches, and what becomes of them. */

/** Takes a part of a batch. */
export function handlePart(
  exchange: Exchange,
  peer: PeerState,
  part: SyncMessage & { type: 'part' },
): void {
  const { id, totalBytes, offset, bytes } = part
  peer.transfer ??= beginTransfer(peer, part)
  const { transfer } = peer
  if (
    transfer.id !== id ||
    transfer.totalBytes !== totalBytes ||
    transfer.receivedBytes !== offset
  ) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'the parts of a batch do not fit together')
  }
  transfer.receivedBytes += bytes.length
  if (!transfer.isUnasked) {
    hold(exchange, peer, bytes)
    transfer.parts.push(bytes)
    transfer.heldBytes += bytes.length
  }
  if (transfer.receivedBytes < totalBytes) return
  peer.transfer = undefined
  if (!transfer.isUnasked) takeBatch(exchange, peer, transfer)
}

/** Of batches of several messages only those are kept that were asked for. */
function beginTransfer(
  peer: PeerState,
  { id, totalBytes, bytes }: SyncMessage & { type: 'part' },
): Transfer {
  const isUnasked = totalBytes > bytes.length && !peer.wants.get(id)?.isAsked
  // It may have been asked for until another peer was quicker.
  if (isUnasked) peer.answersDue = Math.max(0, peer.answersDue - 1)
  return { id, totalBytes, parts: [], receivedBytes: 0, heldBytes: 0, isUnasked }
}

/** Counts bytes that stay in memory until their batch is complete and its document open. What is too much is not counted. */
export function hold(exchange: Exchange, peer: PeerState, { length }: Uint8Array): void {
  const ofPeer = peer.incomingBytes + length
  const ofAll = exchange.incomingBytes + length
  if (ofPeer > MAX_PEER_INCOMING_BYTES || ofAll > MAX_INCOMING_BYTES) {
    throw new SyncError('ERR_SYNC_LIMIT', `${ofPeer} bytes of batches wait to be taken`)
  }
  peer.incomingBytes = ofPeer
  exchange.incomingBytes = ofAll
}

/** They are not held any more. */
export function release(exchange: Exchange, peer: PeerState, bytes: number): void {
  peer.incomingBytes -= bytes
  exchange.incomingBytes -= bytes
}

function takeBatch(exchange: Exchange, peer: PeerState, { id, parts, totalBytes }: Transfer): void {
  const { replica } = exchange
  // Also the same bytes under another id end here or at the proofs, which name the document.
  if (!replica.catalogue.knows(id)) {
    release(exchange, peer, totalBytes)
    return refuse(exchange, peer, id, 'absent')
  }
  const batch = decodeHeld(exchange, peer, { parts, totalBytes })
  if (replica.retired.isForgotten(id)) {
    release(exchange, peer, totalBytes)
    takeAnswer(peer, batch)
    return passOver(exchange, peer, id, batch)
  }
  if (peer.oversized.has(id)) {
    release(exchange, peer, totalBytes)
    takeAnswer(peer, batch)
    refuse(exchange, peer, id, 'too-large')
    return exchange.countFruitless(peer)
  }
  const state = replica.document(id)
  if (batch.isSaved && peer.wants.get(id)?.isTaken && state.isBlank) {
    release(exchange, peer, totalBytes)
    return keep(exchange, peer, state, batch)
  }
  replica.withDocument(state, () => {
    release(exchange, peer, totalBytes)
    if (exchange.isPresent(peer)) apply(exchange, peer, state, batch)
  })
}

function decodeHeld(
  exchange: Exchange,
  peer: PeerState,
  { parts, totalBytes }: Pick<Transfer, 'parts' | 'totalBytes'>,
): ChangeBatch {
  try {
    return decodeBatch(concatBytes(...parts))
  } catch (error) {
    release(exchange, peer, totalBytes)
    throw error
  }
}

/** Stores what was asked for as it came, without opening it. */
export function keep(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  batch: ChangeBatch,
): void {
  const { replica } = exchange
  takeAnswer(peer, batch)
  try {
    keepBatch(state, batch, {
      database: replica.init.database,
      mayWrite: (author) => replica.mayWith(author, 'write', state.id),
    })
  } catch (error) {
    if (!isSyncError(error) && !isWireError(error)) throw error
    return reject(exchange, peer, state.id, error)
  }
  peer.headsById.set(state.id, ownHeads(state, batch.heads.toSorted()))
  replica.changed(state, peer.peerId)
  checkWants(exchange, peer, state, true)
}

/** Brings what came into the open document. */
export function apply(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  batch: ChangeBatch,
): void {
  const isAnswer = takeAnswer(peer, batch)
  applyAs(exchange, peer, state, { batch, isAnswer, isVetted: false })
}

interface TakenBatch {
  readonly batch: ChangeBatch
  readonly isAnswer: boolean
  readonly isVetted: boolean
}

function applyAs(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  taken: TakenBatch,
): void {
  const { replica } = exchange
  const { batch, isAnswer, isVetted } = taken
  let outcome: BatchOutcome
  try {
    if (state.isOverBudget) throw overBudget('it took too much to open before')
    outcome = applyBatch(state, batch, {
      database: replica.init.database,
      mayWrite: (author) => replica.mayWith(author, 'write', state.id),
      origin: peer.link,
      isVetted,
    })
  } catch (error) {
    if (!isSyncError(error) && !isWireError(error)) throw error
    return reject(exchange, peer, state.id, error)
  }
  if (outcome === 'costly') return vetFirst(exchange, peer, state, taken)
  if (outcome === 'too-large') {
    refuse(exchange, peer, state.id, 'too-large')
    exchange.countFruitless(peer)
    return exchange.stopMerging(peer, state.id)
  }
  if (outcome !== 'applied' && !isAnswer) exchange.countFruitless(peer)
  peer.headsById.set(state.id, batch.heads)
  exchange.send(peer, { type: 'received', id: state.id, heads: state.heads })
  if (outcome === 'applied') replica.changed(state, peer.peerId)
  if (outcome !== 'gap') exchange.tellStored(peer, state)
  checkWants(exchange, peer, state, isAnswer)
}

/** What opening costs is found out where it can be stopped; then the batch is taken, or refused. */
function vetFirst(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  taken: TakenBatch,
): void {
  const { replica } = exchange
  const { id } = state
  const { length } = taken.batch.payload
  const isRoom = exchange.incomingBytes + length <= MAX_INCOMING_BYTES
  if (replica.isVettingFull || !isRoom) {
    const error = new SyncError('ERR_SYNC_LIMIT', 'too many documents wait to be vetted')
    return reject(exchange, peer, id, error)
  }
  exchange.incomingBytes += length
  replica.vet(vettingPieces(state, taken.batch), (refusal) => {
    exchange.incomingBytes -= length
    if (!exchange.isPresent(peer)) return
    if (replica.retired.isForgotten(id)) return passOver(exchange, peer, id, taken.batch)
    if (refusal !== undefined) return reject(exchange, peer, id, overBudget(refusal))
    // Its bytes may have gone meanwhile, and the batch is for what is here now.
    const now = replica.document(id)
    replica.withDocument(now, () => {
      if (!exchange.isPresent(peer)) return
      applyAs(exchange, peer, now, { ...taken, isVetted: now === state })
    })
  })
}

/** What came of a document that this device was told to forget meanwhile is not taken. */
function passOver(exchange: Exchange, peer: PeerState, id: string, { heads }: ChangeBatch): void {
  exchange.send(peer, { type: 'received', id, heads })
}

/** What is refused because opening it would cost too much. */
export function overBudget(reason: string): SyncError {
  return new SyncError('ERR_DOCUMENT_TOO_LARGE', reason, { hint: 'split the document' })
}

/** Tells whether a batch answers a request, and counts the request as answered. */
export function takeAnswer(peer: PeerState, batch: ChangeBatch): boolean {
  if (!batch.isAnswer || peer.answersDue === 0) return false
  peer.answersDue -= 1
  return true
}

/** Looks who was waiting for this; the sender of an answer that does not keep its promise is asked once more. */
export function checkWants(
  exchange: Exchange,
  sender: PeerState,
  state: DocumentState,
  isAnswer: boolean,
): void {
  for (const peer of exchange.peers.values()) {
    const want = peer.wants.get(state.id)
    if (!want) continue
    const isHere = state.doc
      ? state.has(want.heads)
      : want.heads.every((head) => state.hasRecently(head))
    if (isHere) settleDocument(exchange, peer, state, want)
    else if (peer === sender && isAnswer && want.isAsked) {
      if (want.rounds >= MAX_ASK_ROUNDS) {
        exchange.giveUp(peer, state.id, 'it never became what was announced')
      } else {
        want.isAsked = false
        want.isTaken = false
        peer.wantsInFlight -= 1
        askNext(exchange, peer)
      }
    }
  }
}

/** Answers what could not be taken, and counts whose fault it was. */
export function reject(
  exchange: Exchange,
  peer: PeerState,
  id: string,
  error: Error & { readonly code: string },
): void {
  const { replica } = exchange
  const { peerId } = peer
  const path = replica.catalogue.pathOf(id)
  const reason = `${error.code}: ${error.message}`
  const isPolicy = error.code === 'ERR_NOT_ALLOWED'
  refuse(exchange, peer, id, isPolicy ? 'not-allowed' : 'unproven')
  replica.emit({ type: 'document:quarantined', id, path, peerId, reason })
  exchange.dropWant(peer, id)
  // Two devices may know a policy at different times; nobody forges a signature by mistake.
  // Nor does anybody fill our queue alone.
  const isNoFault = isPolicy || error.code === 'ERR_SYNC_LIMIT' || isEquivocation(error)
  if (isNoFault) exchange.countFruitless(peer)
  else exchange.fault(peer, error)
}

/** An author has signed two changes under one number: who passes the second one on has not seen the first. */
function isEquivocation({ cause }: Error): boolean {
  // Automerge has no code for it.
  return cause instanceof Error && cause.message.includes('duplicate seq')
}
