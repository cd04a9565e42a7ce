import type { PeerId } from '@vudo/transport'
import { bytesToHex, isWireError } from '@vudo/wire'
import {
  announceGathered,
  announceNext,
  confirmLive,
  handlePage,
  isAnyDue,
  settlePages,
} from './announcements.ts'
import { Broadcasts } from './broadcasts.ts'
import { isAckOf, sameHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { isSyncError, SyncError, type SyncErrorCode } from './errors.ts'
import {
  MAX_CHANNELS_PER_PEER,
  MAX_DOCUMENT_BYTES,
  MAX_FAULTS,
  MAX_FRUITLESS_BATCHES,
  MAX_OUTGOING_BYTES,
  MAX_PEERS,
  MAX_UNSENT_BYTES,
  MAX_UNSENT_MESSAGES,
} from './limits.ts'
import { greet, handleHello } from './greeting.ts'
import { createPeerState, type PeerState } from './peer-state.ts'
import type { ReplicaInput } from './replica-effects.ts'
import type { Replica } from './replica.ts'
import { handleWant, serve } from './batch-server.ts'
import {
  handleDiffering,
  handleRanges,
  mayCompareRanges,
  sendRanges,
} from './range-reconciliation.ts'
import { handlePart } from './batch-receiver.ts'
import { checkPeers, Digests, handleDigest } from './interval-check.ts'
import { handleDocuments } from './bundle-receiver.ts'
import { handleTake } from './bundle-server.ts'
import { followPeer, forgetLive } from './live-documents.ts'
import { LiveRounds } from './live-rounds.ts'
import {
  answerGathered,
  handleEdits,
  handleHurry,
  handleProgress,
  hurry,
  push,
  releaseWithheld,
} from './live-edits.ts'
import {
  decodeMessage,
  encodeDeflatedPage,
  encodeMessage,
  nowhere,
  type SyncMessage,
} from './wire.ts'
import { askNext } from './wants.ts'

type LinkInput = Exclude<
  ReplicaInput,
  { readonly type: 'document-read' | 'persisted' | 'persist-failed' | 'vetted' }
>

/**
 * Speaks `/vudo/sync/1` with each peer of a replica.
 *
 * 1. `hello`: who I am, and up to which arrival of your store I hold everything.
 * 2. `page`: what arrived in my store since; durable things only, in their order.
 * 3. `want` for what differs, answered by `part`s of one batch; live edits come as
 *    such batches unasked.
 * 4. `received` at once, `stored` after the write, `page-stored` when all of a page
 *    is stored or was refused; with it the position moves on.
 */
export class Exchange {
  readonly replica: Replica
  readonly peers: Map<number, PeerState> = new Map()
  readonly broadcasts: Broadcasts = new Broadcasts(this)
  readonly rounds: LiveRounds = new LiveRounds(this)
  readonly digests: Digests = new Digests()
  /** Bytes of batches that are not complete, or wait for a document to be read; of all peers. */
  incomingBytes = 0

  constructor(replica: Replica) {
    this.replica = replica
  }

  /** Takes what happens on a channel. A peer's fault ends its channel and throws nothing. */
  handle(input: LinkInput, nowMs: number): void {
    if (input.type === 'interval') return checkPeers(this)
    if (input.type === 'peer-connected') return this.#connected(input, nowMs)
    const peer = this.peers.get(input.link)
    if (!peer) return
    if (input.type === 'peer-gone') this.#gone(peer)
    else if (input.type === 'peer-message') this.#message(peer, input.bytes, nowMs)
    else if (input.type === 'peer-sent') {
      peer.outgoingBytes = Math.max(0, peer.outgoingBytes - input.bytes)
      peer.outgoingMessages = Math.max(0, peer.outgoingMessages - 1)
      serve(this, peer)
    } else {
      peer.hasTimer = false
      answerGathered(this, peer)
      announceGathered(this, peer)
    }
  }

  /** The name of this life of the store. */
  get ownRun(): string {
    return bytesToHex(this.replica.init.runId)
  }

  #connected({ link, peerId }: LinkInput & { type: 'peer-connected' }, nowMs: number): void {
    const { replica } = this
    if (this.peers.size >= MAX_PEERS) {
      const message = `${MAX_PEERS} peers are connected`
      return replica.effect({ type: 'disconnect', link, code: 'ERR_SYNC_LIMIT', message })
    }
    this.#makeRoomFor(peerId)
    const peer = createPeerState(link, peerId, replica.positionsByPeer.get(peerId))
    this.peers.set(link, peer)
    greet(this, peer, nowMs)
    replica.emit({ type: 'progress' })
  }

  /** The newest channels of a peer count: its former ones may be dead, and may not take the place of other peers. */
  #makeRoomFor(peerId: PeerId): void {
    const links = [...this.peers.values()].filter((peer) => peer.peerId === peerId)
    const [oldest] = links
    if (links.length < MAX_CHANNELS_PER_PEER || !oldest) return
    const message = `the peer has ${MAX_CHANNELS_PER_PEER} newer channels`
    const { link } = oldest
    this.replica.effect({ type: 'disconnect', link, code: 'ERR_SYNC_LIMIT', message })
    this.#gone(oldest)
  }

  #gone(peer: PeerState): void {
    this.peers.delete(peer.link)
    // Batches that wait for a document stay until it is read.
    this.incomingBytes -= peer.transfer?.heldBytes ?? 0
    this.replica.emit({ type: 'progress' })
  }

  /** Tells whether the channel of a peer is still there, after something that took its time. */
  isPresent(peer: PeerState): boolean {
    return this.peers.get(peer.link) === peer
  }

  /** Hands a message to the peer's channel; a channel that takes nothing for too long is ended. Nothing happens when it is gone. */
  send(peer: PeerState, message: SyncMessage): void {
    if (!this.isPresent(peer)) return
    const isPage = message.type === 'page' && peer.takesDocuments
    const bytes = isPage ? encodeDeflatedPage(message) : encodeMessage(message)
    peer.outgoingBytes += bytes.length
    peer.outgoingMessages += 1
    if (
      peer.outgoingBytes > MAX_UNSENT_BYTES + MAX_OUTGOING_BYTES ||
      peer.outgoingMessages > MAX_UNSENT_MESSAGES
    ) {
      return this.disconnect(peer, 'ERR_SYNC_LIMIT', 'the peer does not take what it asks for')
    }
    this.replica.effect({ type: 'send', link: peer.link, bytes })
  }

  #message(peer: PeerState, bytes: Uint8Array, nowMs: number): void {
    try {
      const message = decodeMessage(bytes)
      if (message.type === 'hello') handleHello(this, peer, { hello: message, nowMs })
      else if (!peer.isReady) throw protocolError('a message came before the hello')
      else this.#dispatch(peer, message, nowMs)
    } catch (error) {
      if (!isWireError(error) && !isSyncError(error)) throw error
      const isLimit = error.code === 'ERR_SYNC_LIMIT'
      this.disconnect(peer, isLimit ? 'ERR_SYNC_LIMIT' : 'ERR_SYNC_PROTOCOL', error.message)
    }
  }

  #dispatch(
    peer: PeerState,
    message: Exclude<SyncMessage, { type: 'hello' }>,
    nowMs: number,
  ): void {
    if (message.type !== 'edits') releaseWithheld(this, peer)
    switch (message.type) {
      case 'page':
        return handlePage(this, peer, message)
      case 'page-stored':
        return this.#pageStored(peer, message.number)
      case 'want':
        return handleWant(this, peer, message)
      case 'part':
        return handlePart(this, peer, message)
      case 'received':
        return this.#received(peer, message)
      case 'stored':
        return this.#stored(peer, message)
      case 'refused':
        return this.#refused(peer, message)
      case 'compare':
        return this.#compare(peer)
      case 'take':
        return handleTake(this, peer, message)
      case 'documents':
        return handleDocuments(this, peer, message)
      case 'kept':
        return this.#kept(peer, message)
      case 'edits':
        return handleEdits(this, peer, message)
      case 'progress':
        return handleProgress(this, peer, message)
      case 'hurry':
        return handleHurry(this, peer)
      case 'ranges':
        return handleRanges(this, peer, message)
      case 'differing':
        return handleDiffering(this, peer, message)
      case 'digest':
        return handleDigest(this, peer, message)
      case 'broadcast':
        return this.broadcasts.take(peer, message, nowMs)
      case 'unknown':
    }
  }

  /** Ends the channel for a fault of the peer. What it has sent before stays. */
  disconnect(peer: PeerState, code: SyncErrorCode, message: string): void {
    if (!this.isPresent(peer)) return
    const { link, peerId } = peer
    this.replica.emit({ type: 'peer:fault', peerId, code, message })
    this.replica.effect({ type: 'disconnect', link, code, message })
    this.#gone(peer)
  }

  // What is to be announced.

  /** Puts into the queue what arrived after `from`, and documents whose acknowledgement was lost in a crash. */
  announceAll(peer: PeerState, from: number): void {
    const { replica } = this
    peer.announcedUpTo = from
    peer.saidLast = false
    for (const [item, arrival] of replica.arrivals) {
      const isNew = arrival > from
      const state = item.startsWith('d') ? replica.knownDocument(item.slice(1)) : undefined
      // Whatever it has acknowledged beyond its position, it may have lost since.
      if (isNew && state) replica.writeAck(state, peer.peerId, undefined)
      if (isNew || (state && !this.hasStored(peer, state))) peer.queue.add(item)
    }
    announceNext(this, peer, { evenEmpty: true })
  }

  /** One comparison at a time: a peer that asks for the next one takes all pages of this one first. */
  #compare(peer: PeerState): void {
    peer.isCompareDue = this.#isAnnouncing(peer)
    if (!peer.isCompareDue) this.announceAll(peer, 0)
  }

  /** What travels as live edits brings no page at whose end the comparison could begin. */
  #isAnnouncing(peer: PeerState): boolean {
    return peer.pagesInFlight.size > 0 || isAnyDue(this, peer)
  }

  /** Asks every peer to announce everything again, and does so itself. */
  compareAgain(only?: (peer: PeerState) => boolean): void {
    for (const peer of this.peers.values()) {
      if (only && !only(peer)) continue
      peer.refused.clear()
      if (!peer.isReady) continue
      peer.heardLast = false
      if (mayCompareRanges(peer)) {
        peer.isHolding = true
        peer.saidLast = false
        sendRanges(this, peer)
        continue
      }
      this.send(peer, { type: 'compare' })
      this.announceAll(peer, 0)
    }
    for (const peerId of only ? [] : [...this.replica.positionsByPeer.keys()]) {
      this.replica.writePosition(peerId, nowhere)
    }
  }

  /** These items are durable now. */
  arrived(items: readonly string[]): void {
    for (const peer of this.peers.values()) {
      if (!peer.isReady) continue
      for (const item of items) {
        peer.queue.delete(item)
        peer.queue.add(item)
        peer.refused.delete(item.slice(1))
      }
    }
  }

  /** A write has settled: what it covers may be acknowledged and announced. */
  durable(): void {
    for (const peer of this.peers.values()) {
      for (const id of peer.owedStored) this.tellStored(peer, this.replica.document(id))
      if (!peer.isReady) continue
      confirmLive(this, peer)
      announceNext(this, peer)
    }
    this.replica.emit({ type: 'progress' })
  }

  /** Says what is durable of a document, now or after the write that makes it so. */
  tellStored(peer: PeerState, state: DocumentState): void {
    const isDurable = sameHeads(state.durableHeads, state.heads)
    if (!isDurable) {
      peer.owedStored.add(state.id)
      // The peer asked for it, or was asked, and waits.
      this.replica.urgeWrites()
      return
    }
    peer.owedStored.delete(state.id)
    peer.storedById.set(state.id, state.durableHeads)
    this.send(peer, { type: 'stored', id: state.id, heads: state.durableHeads })
  }

  /** Tells whether the peer has confirmed exactly what is durable here, now or in an earlier life. */
  hasStored(peer: PeerState, state: DocumentState): boolean {
    return isAckOf(state.ackByPeer.get(peer.peerId), state.durableHeads)
  }

  /** Tells whether the policy lets one of the authors that the peer has proven read the document. */
  mayRead(peer: PeerState, id: string): boolean {
    const authors = peer.authors.length > 0 ? peer.authors : ['']
    return authors.some((author) => this.replica.mayWith(author, 'read', id))
  }

  /** What a peer has stored of a page counts as if it had told of each document. */
  #kept(peer: PeerState, { number, places }: SyncMessage & { type: 'kept' }): void {
    const page = peer.pagesInFlight.get(number)
    for (const place of places) {
      const entry = page?.entries[place]
      const state = entry && this.replica.knownDocument(entry.id)
      if (!entry || !state) continue
      if (!peer.headsById.has(entry.id)) peer.headsById.set(entry.id, entry.heads)
      this.#stored(peer, { type: 'stored', id: entry.id, heads: entry.heads })
    }
    this.#pageStored(peer, number)
  }

  #pageStored(peer: PeerState, number: number): void {
    const page = peer.pagesInFlight.get(number)
    if (!page) throw protocolError(`page ${number} was not open`)
    peer.pagesInFlight.delete(number)
    this.replica.retired.peerReached(peer.peerId, page.upTo)
    announceNext(this, peer)
    if (peer.isCompareDue && !this.#isAnnouncing(peer)) this.#compare(peer)
    this.replica.emit({ type: 'progress' })
  }

  // Asking for documents.

  /** The document is as it was announced, or is given up for this peer. */
  dropWant(peer: PeerState, id: string): void {
    if (peer.wants.get(id)?.isAsked) peer.wantsInFlight -= 1
    peer.wants.delete(id)
    settlePages(this, peer, id)
    askNext(this, peer)
  }

  /** Goes on without a document that this peer does not give. */
  giveUp(peer: PeerState, id: string, reason: string): void {
    const { peerId } = peer
    const path = this.replica.catalogue.pathOf(id)
    this.replica.emit({ type: 'document:quarantined', id, path, peerId, reason })
    this.dropWant(peer, id)
  }

  /**
   * Merges a document with this peer no more, for as long as its channel lives: what both
   * have is too large together. Everything else goes on. The application is told once.
   */
  stopMerging(peer: PeerState, id: string): void {
    const { replica } = this
    if (peer.oversized.has(id)) return
    peer.oversized.add(id)
    const path = replica.catalogue.pathOf(id)
    const message = `ERR_DOCUMENT_TOO_LARGE: with what peer ${peer.peerId} has of it the document has more than ${MAX_DOCUMENT_BYTES} bytes, and is not merged with that peer any more. Split it: copy what is needed into smaller documents`
    if (path !== undefined) replica.emit({ type: 'warning', message, path })
    this.giveUp(peer, id, message)
  }

  #refused(peer: PeerState, { id, reason }: SyncMessage & { type: 'refused' }): void {
    const wasAsked = peer.wants.has(id)
    forgetLive(peer, id)
    if (wasAsked) peer.answersDue = Math.max(0, peer.answersDue - 1)
    if (reason === 'too-large' && this.replica.knownDocument(id)) this.stopMerging(peer, id)
    else if (wasAsked) this.giveUp(peer, id, `the peer does not give it: ${reason}`)
    // Edits may have come before the record of their document, which brings it along.
    else if (reason !== 'absent' && this.replica.knownDocument(id)) peer.refused.add(id)
    this.replica.emit({ type: 'progress' })
  }

  // Live edits.

  /** The document has changed in memory: whoever is known to have what it builds on gets the change with the next round. */
  documentChanged(state: DocumentState): void {
    for (const peer of this.peers.values()) {
      // In a ring the same news comes from both sides: once for each change that is no fault.
      peer.fruitless = Math.max(0, peer.fruitless - 1)
    }
    this.rounds.add(state)
  }

  /** Counts what is harmless once and a burden without end. */
  countFruitless(peer: PeerState, weight = 1): void {
    peer.fruitless += weight
    if (peer.fruitless > MAX_FRUITLESS_BATCHES) {
      this.disconnect(peer, 'ERR_SYNC_PROTOCOL', 'the peer brings nothing new, again and again')
    }
  }

  /** Counts what nobody sends by mistake; too much of it ends the channel. */
  fault(peer: PeerState, error: Error & { readonly code: string }): void {
    peer.faults += 1
    const code: SyncErrorCode = isSyncError(error) ? error.code : 'ERR_SYNC_PROTOCOL'
    const { message } = error
    if (peer.faults >= MAX_FAULTS) this.disconnect(peer, code, message)
    else this.replica.emit({ type: 'peer:fault', peerId: peer.peerId, code, message })
  }

  // What peers acknowledge.

  /** Somebody waits until peers have stored what is here. */
  hurry(): void {
    hurry(this)
  }

  #received(peer: PeerState, { id, heads }: SyncMessage & { type: 'received' }): void {
    const state = this.replica.knownDocument(id)
    if (!state) return
    const before = peer.headsById.get(id)
    // It lacks what edits of ours built on.
    const isBehind = peer.sentEdits.some((edits) => edits.id === id)
    forgetLive(peer, id)
    peer.headsById.set(id, heads)
    const { peerId } = peer
    this.replica.emit({ type: 'acknowledged', id, peerId, durability: 'received', heads })
    // Only after progress: a peer that lacks the past would be sent the same for ever.
    const isProgress = !before || !sameHeads(before, heads)
    if (isProgress) confirmLive(this, peer, [`d${id}`])
    if (!followPeer(peer, state) && isProgress && isBehind) push(this, peer, state)
  }

  #stored(peer: PeerState, { id, heads }: SyncMessage & { type: 'stored' }): void {
    const state = this.replica.knownDocument(id)
    if (!state) return
    const sorted = heads.toSorted()
    const isCurrent = sameHeads(sorted, state.heads) || sameHeads(sorted, state.durableHeads)
    // Only what it has all of is worth a write; what is unknown here it will announce.
    if (isCurrent) return this.acknowledged(peer, state, heads)
    const { peerId } = peer
    this.replica.emit({ type: 'acknowledged', id, peerId, durability: 'stored', heads })
  }

  /** The peer has this much of a document on its disk. */
  acknowledged(peer: PeerState, state: DocumentState, heads: readonly string[]): void {
    const { peerId } = peer
    this.replica.writeAck(state, peerId, heads)
    const said = peer.storedById.get(state.id)
    // Both have told each other: there is nothing left to announce.
    if (said && sameHeads(said, state.durableHeads) && this.hasStored(peer, state)) {
      peer.queue.delete(`d${state.id}`)
    }
    this.replica.emit({ type: 'acknowledged', id: state.id, peerId, durability: 'stored', heads })
  }
}

function protocolError(message: string): SyncError {
  return new SyncError('ERR_SYNC_PROTOCOL', message)
}
