import { isWireError } from '@vudo/wire'
import { announceNext, setTimer } from './announcements.ts'
import { appendBatch, applyBatch, type BatchOutcome } from './apply-batch.ts'
import type { BatchRules } from './batch-authors.ts'
import { checkWants, hold, overBudget, reject, release } from './batch-receiver.ts'
import { refuse } from './batch-server.ts'
import { headsAfter } from './change-log.ts'
import { headsOfSaved } from './automerge-chunks.ts'
import { isMuchSince } from './change-batches.ts'
import { isAckOf, ownHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { isSyncError, SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import {
  editsFor,
  encodeEditsOf,
  followPeer,
  followUnlogged,
  forgetLive,
  noteTaken,
} from './live-documents.ts'
import {
  MANY_EDITS,
  MAX_EARLY_DOCUMENTS,
  MAX_LIVE_BYTES,
  MAX_LIVE_WINDOW,
  MAX_OUTGOING_BYTES,
  MAX_SENT_EDITS,
} from './limits.ts'
import type { LiveDocument, PeerState, SentEdits } from './peer-state.ts'
import { decodeEdits } from './edits-wire.ts'
import type { ChangeBatch } from './batch-wire.ts'
import type { SyncMessage } from './wire.ts'

/*
 * Live edits. Each end numbers the messages of edits that it sends on a channel, and the
 * other one says up to which number it has received and stored them: many at a time, and at
 * once only when it is asked to. What a peer has is known as a number of the document's
 * log, so that finding what it lacks needs no look into the history.
 */

/**
 * Gives a live edit to a peer that is known to have what it builds on: the first ones at
 * once, and while the peer is asked how far it is, the others are gathered.
 *
 * @returns true when something was sent.
 */
export function push(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  { isEarly = false }: { readonly isEarly?: boolean } = {},
): boolean {
  const { id } = state
  if (!(peer.isReady || isEarly) || peer.oversized.has(id)) return false
  if (peer.withheld.has(id) || !exchange.mayRead(peer, id)) return false
  const live = peer.live.get(id) ?? followPeer(peer, state)
  if (!live) return pushUnlogged(exchange, peer, state)
  if (live.next === state.logEnd) return false
  const changes = state.log?.since(live.next)
  const news = changes?.filter(({ origin }) => origin !== peer.link) ?? []
  // Many changes are much smaller as a bundle, which only an open document can give.
  const isMuch = state.doc !== undefined && (isEarly || news.length > MANY_EDITS)
  if (!changes || (isMuch && !live.unanswered)) {
    forgetLive(peer, id)
    return pushUnlogged(exchange, peer, state)
  }
  if (news.length === 0) {
    live.next = state.logEnd
    return false
  }
  live.isDue = live.awaited !== undefined || peer.sentEdits.length >= MAX_SENT_EDITS
  if (live.isDue) return false
  // What most peers lack is encoded once for all of them, with the little that this one has sent.
  const isMostlyTheirs = 2 * news.length < changes.length
  const bytes = isMostlyTheirs ? encodeEditsOf(state, news) : editsFor(state, live.next)
  // A slow peer is told of it once it is durable, as of what does not fit, and asks when it can.
  if (peer.outgoingBytes >= MAX_OUTGOING_BYTES || bytes.length > MAX_LIVE_BYTES) {
    forgetLive(peer, id)
    return false
  }
  sendEdits(exchange, peer, state, { live, bytes })
  return true
}

/**
 * Gives the edits of open documents with the hello, to a peer that has stored what they build on:
 * two that have both edited offline need no more than that. A policy may ask who the peer is, which
 * only its hello tells.
 *
 * Where both have edited much, one of them does the work for both: the end with the lower id waits
 * for what the other sends, brings it in, and answers with the whole document, which the other only
 * has to open. Bringing in 5,000 changes takes half a second of CPU, opening 11,000 a tenth.
 */
export function pushEarly(exchange: Exchange, peer: PeerState): void {
  const { replica } = exchange
  if (replica.init.policy) return
  for (const state of replica.documents()) {
    const isMuch = peer.outgoingBytes > MAX_LIVE_BYTES
    if (peer.sentEdits.length >= MAX_EARLY_DOCUMENTS || isMuch) return
    const ack = state.ackByPeer.get(peer.peerId)
    if (!state.doc || !ack || isAckOf(ack, state.heads)) continue
    if (typeof ack !== 'string' && mustWait(exchange, peer, state, ack)) {
      peer.withheld.add(state.id)
      // Its hello may make us forget what it had stored; what it lacks is found by that all the same.
      peer.headsById.set(state.id, ack)
    } else push(exchange, peer, state, { isEarly: true })
  }
}

function mustWait(
  { replica }: Exchange,
  { peerId }: PeerState,
  state: DocumentState,
  theirs: readonly string[],
): boolean {
  return replica.init.peerId < peerId && state.has(theirs) && isMuchSince(state, theirs)
}

/** Something else than edits has come: whatever the peer had to send with its hello is here. */
export function releaseWithheld(exchange: Exchange, peer: PeerState): void {
  if (peer.withheld.size === 0) return
  const ids = [...peer.withheld]
  peer.withheld.clear()
  for (const id of ids) {
    const state = exchange.replica.knownDocument(id)
    if (state) push(exchange, peer, state)
  }
}

/** For a peer that is not followed: looked up in the history, once for each change and not more. */
function pushUnlogged(exchange: Exchange, peer: PeerState, state: DocumentState): boolean {
  const edits = followUnlogged(peer, state)
  if (edits) sendEdits(exchange, peer, state, edits)
  return edits !== undefined
}

function sendEdits(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  { live, bytes }: { readonly live: LiveDocument; readonly bytes: Uint8Array },
): void {
  const { id, heads } = state
  const number = ++peer.editsSent
  live.next = state.logEnd
  live.unanswered += 1
  live.unstored += 1
  const isUrgent = live.isBusy || live.unanswered >= MAX_LIVE_WINDOW
  if (isUrgent) live.awaited = number
  peer.headsById.set(id, heads)
  peer.sentEdits.push({ number, id, heads, isReceived: false })
  exchange.replica.whenDurableSometime(() => {
    peer.savedUpTo = Math.max(peer.savedUpTo, number)
    answerSoon(exchange, peer)
  })
  exchange.send(peer, { type: 'edits', id, isUrgent, bytes })
}

/** Takes live edits of a peer. */
export function handleEdits(
  exchange: Exchange,
  peer: PeerState,
  edits: SyncMessage & { type: 'edits' },
): void {
  const { replica } = exchange
  const { id, bytes, isUrgent } = edits
  const number = ++peer.editsTaken
  // What we have of it goes to the peer together with this, when it has been brought in.
  peer.withheld.delete(id)
  if (!replica.catalogue.knows(id) || replica.retired.isForgotten(id)) {
    refuse(exchange, peer, id, 'absent')
    return finish(exchange, peer, { number, isUrgent })
  }
  const batch = decodeEdits(bytes)
  if (peer.oversized.has(id)) {
    refuse(exchange, peer, id, 'too-large')
    exchange.countFruitless(peer)
    return finish(exchange, peer, { number, isUrgent })
  }
  const state = replica.document(id)
  const isTaken = take(exchange, peer, { state, batch, number }, appendBatch)
  if (isTaken) return finish(exchange, peer, { number, isUrgent })
  peer.editsUnderWay.add(number)
  hold(exchange, peer, bytes)
  replica.withDocument(state, () => {
    release(exchange, peer, bytes.length)
    if (!exchange.isPresent(peer)) return
    take(exchange, peer, { state, batch, number }, applyBatch)
    finish(exchange, peer, { number, isUrgent })
  })
}

interface Incoming {
  readonly state: DocumentState
  readonly batch: ChangeBatch
  readonly number: number
}

/** @returns false when they cannot be taken in this way. */
function take(
  exchange: Exchange,
  peer: PeerState,
  { state, batch, number }: Incoming,
  into: (state: DocumentState, batch: ChangeBatch, rules: BatchRules) => BatchOutcome | undefined,
): boolean {
  const { replica } = exchange
  const { id } = state
  const from = state.logEnd
  const live = peer.live.get(id)
  const hadAll = live?.next === from
  let outcome: BatchOutcome | undefined
  try {
    if (state.isOverBudget) throw overBudget('it took too much to open before')
    outcome = into(state, batch, {
      database: replica.init.database,
      mayWrite: (author) => replica.mayWith(author, 'write', id),
      origin: peer.link,
    })
  } catch (error) {
    if (!isSyncError(error) && !isWireError(error)) throw error
    reject(exchange, peer, id, error)
    return true
  }
  if (outcome === undefined) return false
  if (outcome === 'too-large') {
    refuse(exchange, peer, id, 'too-large')
    exchange.countFruitless(peer)
    exchange.stopMerging(peer, id)
    return true
  }
  // What it builds on is not here, or it is too much for a live edit: the sender is to know what is here, and announces it.
  if (outcome === 'gap' || outcome === 'costly')
    exchange.send(peer, { type: 'received', id, heads: state.heads })
  if (outcome !== 'applied') exchange.countFruitless(peer)
  else {
    // Whatever else is here, whoever sent the whole of it has that.
    if (batch.isSaved) peer.headsById.set(id, ownHeads(state, headsOfSaved(batch.payload)))
    // A bundle is not logged: whoever had all that was here, and sent it, has all of it now.
    if (live && hadAll && !state.log?.since(from)) {
      live.next = state.logEnd
      peer.headsById.set(id, state.heads)
    }
    applied(exchange, peer, state, { number, from })
  }
  checkWants(exchange, peer, state, false)
  return true
}

function applied(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  { number, from }: { readonly number: number; readonly from: number },
): void {
  const tips = headsAfter([], state.log?.since(from) ?? [])
  noteTaken(peer, state, { number, tips })
  exchange.replica.changed(state, peer.peerId)
  // It may have said so while the document was being read here, and does not say it again.
  if (number <= peer.savedThere) confirmTaken(exchange, peer)
}

/** What the peer has stored of its own edits is stored at both ends. */
function confirmTaken(exchange: Exchange, peer: PeerState): void {
  const headsById = new Map<string, readonly string[]>()
  takeSaved(peer, headsById)
  confirmAll(exchange, peer, headsById)
  announceNext(exchange, peer)
}

/** A message of edits is dealt with; told at once when the peer waits for it. */
function finish(
  exchange: Exchange,
  peer: PeerState,
  { number, isUrgent }: { readonly number: number; readonly isUrgent: boolean },
): void {
  if (!exchange.isPresent(peer)) return
  peer.editsUnderWay.delete(number)
  const upTo = receivedUpTo(peer)
  exchange.replica.whenDurableSometime(() => {
    peer.storedUpTo = Math.max(peer.storedUpTo, upTo)
    answerSoon(exchange, peer)
  })
  if (isUrgent) answer(exchange, peer)
  else answerSoon(exchange, peer)
}

/** Everything up to here is dealt with; what waits for its document is not. */
function receivedUpTo({ editsUnderWay, editsTaken }: PeerState): number {
  const [first] = editsUnderWay
  return first === undefined ? editsTaken : first - 1
}

/** Tells the peer how far its edits are here, and ours. */
function answer(exchange: Exchange, peer: PeerState): void {
  const received = receivedUpTo(peer)
  const { storedUpTo: stored, savedUpTo: saved, answered } = peer
  const isNews = received > answered.received || stored > answered.stored || saved > answered.saved
  if (!isNews) return
  peer.answered = { received, stored, saved }
  exchange.send(peer, { type: 'progress', received, stored, saved })
}

/** With whatever else comes until the timer, unless the peer waits for it. */
function answerSoon(exchange: Exchange, peer: PeerState): void {
  const { hurried, answered } = peer
  if (hurried.stored > answered.stored || hurried.saved > answered.saved) answer(exchange, peer)
  else setTimer(exchange, peer)
}

/** The timer ran out: says what was gathered. */
export function answerGathered(exchange: Exchange, peer: PeerState): void {
  if (peer.isReady) answer(exchange, peer)
}

/** The peer waits: from now on it is told at once, until all that has travelled is stored at both ends. */
export function handleHurry(exchange: Exchange, peer: PeerState): void {
  peer.hurried = { stored: peer.editsTaken, saved: peer.editsSent }
  exchange.replica.urgeWrites()
  exchange.rounds.flush()
  answer(exchange, peer)
}

/** Somebody waits here: asks the peers that owe an answer. */
export function hurry(exchange: Exchange): void {
  exchange.replica.urgeWrites()
  exchange.rounds.flush()
  for (const peer of exchange.peers.values()) {
    if (!peer.isReady || peer.sentEdits.length + peer.takenById.size === 0) continue
    exchange.send(peer, { type: 'hurry' })
  }
}

/** The peer tells how far edits are, ours there and its own. */
export function handleProgress(
  exchange: Exchange,
  peer: PeerState,
  { received, stored, saved }: SyncMessage & { type: 'progress' },
): void {
  if (received > peer.editsSent || stored > received || saved > peer.editsTaken) {
    throw new SyncError('ERR_SYNC_PROTOCOL', 'edits that never travelled are confirmed')
  }
  const due = takeReceived(exchange, peer, received)
  const headsById = new Map<string, readonly string[]>()
  takeStored(peer, stored, headsById)
  peer.savedThere = Math.max(peer.savedThere, saved)
  takeSaved(peer, headsById)
  confirmAll(exchange, peer, headsById)
  for (const id of due) {
    const state = exchange.replica.knownDocument(id)
    if (state) exchange.rounds.add(state)
  }
  announceNext(exchange, peer)
  exchange.replica.emit({ type: 'progress' })
}

/** @returns the documents of which further edits may follow now. */
function takeReceived(exchange: Exchange, peer: PeerState, upTo: number): string[] {
  const due: string[] = []
  const newest = new Map<string, SentEdits>()
  for (const edits of peer.sentEdits) {
    if (edits.number > upTo) break
    if (edits.isReceived) continue
    edits.isReceived = true
    newest.set(edits.id, edits)
    const live = peer.live.get(edits.id)
    if (!live) continue
    live.unanswered -= 1
    if (live.awaited !== edits.number) continue
    live.awaited = undefined
    live.isBusy = live.isDue
    if (live.isDue) due.push(edits.id)
  }
  const { peerId } = peer
  for (const [id, { heads }] of newest) {
    exchange.replica.emit({ type: 'acknowledged', id, peerId, durability: 'received', heads })
  }
  return due
}

function takeStored(
  peer: PeerState,
  upTo: number,
  headsById: Map<string, readonly string[]>,
): void {
  const count = peer.sentEdits.findIndex(({ number }) => number > upTo)
  for (const { id, heads } of peer.sentEdits.splice(0, count < 0 ? Infinity : count)) {
    headsById.set(id, heads)
    const live = peer.live.get(id)
    if (live) live.unstored -= 1
  }
}

function takeSaved(peer: PeerState, headsById: Map<string, readonly string[]>): void {
  for (const [id, { number, tips }] of peer.takenById) {
    if (number > peer.savedThere) continue
    peer.takenById.delete(id)
    headsById.set(id, [...(headsById.get(id) ?? []), ...tips])
  }
}

function confirmAll(
  exchange: Exchange,
  peer: PeerState,
  headsById: ReadonlyMap<string, readonly string[]>,
): void {
  for (const [id, heads] of headsById) {
    const state = exchange.replica.knownDocument(id)
    if (state) confirm(exchange, peer, state, heads)
  }
}

/**
 * The peer has stored changes that travelled live, its own or ours. Together they may be all
 * that is here: then there is nothing left to announce.
 */
function confirm(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  heads: readonly string[],
): void {
  const { id, durableHeads } = state
  const known = new Set([...(peer.confirmedById.get(id) ?? []), ...heads])
  const isKnown = (hash: string): boolean => known.has(hash)
  const isEverything = state.heads.every(isKnown)
  const isDurable = durableHeads.every(isKnown)
  peer.confirmedById.set(id, [...new Set([...state.heads, ...durableHeads])].filter(isKnown))
  if (isEverything) exchange.acknowledged(peer, state, state.heads)
  else if (isDurable) exchange.acknowledged(peer, state, durableHeads)
  else {
    const { peerId } = peer
    exchange.replica.emit({ type: 'acknowledged', id, peerId, durability: 'stored', heads })
  }
}
