import { createByteReader, createByteWriter, isWireError } from '@vudo/wire'
import {
  checkRecord,
  decodeUnsignedRecord,
  encodeUnsignedRecord,
  leafOfRecord,
  type CatalogueRecord,
} from './catalogue-record.ts'
import { isSuccession } from './catalogue.ts'
import { ownHeads, sameHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { isSyncError, SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import {
  MAX_HEADS,
  MAX_PAGE_BYTES,
  MAX_PAGE_ENTRIES,
  MAX_PAGES_IN_FLIGHT,
  MAX_RECORDS,
  POSITION_DELAY_MS,
} from './limits.ts'
import {
  readJointSignatures,
  writeJointSignatures,
  type ReadStatement,
} from './joint-signatures.ts'
import { isTravelling } from './live-documents.ts'
import { keptOnPage, mayTake, take } from './page-takes.ts'
import type { Announced, AnnouncedDocument, PeerState } from './peer-state.ts'
import type { Replica } from './replica.ts'
import type { PageEntry, SyncMessage } from './wire.ts'
import { askNext } from './wants.ts'

/** Sends as many pages as may be open. */
export function announceNext(
  exchange: Exchange,
  peer: PeerState,
  options: { readonly evenEmpty?: boolean } = {},
): void {
  if (peer.isHolding) return
  let mustSend = options.evenEmpty ?? false
  if (!mustSend && peer.saidLast && isAllLive(exchange, peer)) {
    if (peer.queue.size > 0) setTimer(exchange, peer)
    return
  }
  while (peer.pagesInFlight.size < MAX_PAGES_IN_FLIGHT && (isAnyDue(exchange, peer) || mustSend)) {
    const entries = takeEntries(exchange, peer)
    const upTo = coveredUpTo(exchange, peer)
    // A comparison that waits for its turn is something more.
    const isLast = !isAnyDue(exchange, peer) && !peer.isCompareDue
    // A position without news can wait for the next news, but not for ever.
    const isNews = entries.length > 0 || !peer.saidLast || mustSend
    if (!isNews) {
      if (upTo > peer.announcedUpTo) setTimer(exchange, peer)
      return
    }
    mustSend = false
    peer.announcedUpTo = upTo
    peer.saidLast = isLast
    const number = peer.nextPage++
    const documents = entries.map((entry) => (entry.type === 'document' ? entry : undefined))
    peer.pagesInFlight.set(number, { upTo, entries: documents, isTaken: false })
    const signatures = encodeSignatures(entries)
    exchange.send(peer, { type: 'page', number, upTo, isLast, entries, signatures })
  }
  // Asked for while the window was full: said as soon as it opens.
  if (mustSend) peer.saidLast = false
  else if (coveredUpTo(exchange, peer) > peer.announcedUpTo) setTimer(exchange, peer)
}

/** The timer ran out: says what was not worth a message of its own. */
export function announceGathered(exchange: Exchange, peer: PeerState): void {
  const isDue = isAnyDue(exchange, peer)
  // While edits travel the position would be an old one in a moment, and each costs both ends a write.
  const travelled = peer.editsSent + peer.editsTaken
  const isBusy = travelled > peer.travelledBefore
  peer.travelledBefore = travelled
  if (isBusy && !isDue) return setTimer(exchange, peer)
  const isNews = isDue || coveredUpTo(exchange, peer) > peer.announcedUpTo
  if (isNews) announceNext(exchange, peer, { evenEmpty: true })
}

/** Something waits to be announced; what travels as live edits is told in another way, unless that fails. */
export function isAnyDue(exchange: Exchange, peer: PeerState): boolean {
  return nextDue(exchange, peer) !== undefined
}

/** Edits of it travel to or from the peer, or will in a moment. */
function isUnderWay({ rounds }: Exchange, peer: PeerState, id: string): boolean {
  return isTravelling(peer, id) || rounds.isDue(id)
}

/** Nothing waits but documents that the peer gets, or has, as live edits: they need no announcement for a while. */
function isAllLive(exchange: Exchange, peer: PeerState): boolean {
  if (peer.queue.size === 0) return false
  for (const item of peer.queue) {
    const state = item.startsWith('d') ? exchange.replica.knownDocument(item.slice(1)) : undefined
    if (!state || !(isUnderWay(exchange, peer, state.id) || isThere(peer, state))) return false
  }
  return true
}

/** Tells whether the peer has said that it has what is durable here, in memory at least. */
function isThere(peer: PeerState, { id, durableHeads }: DocumentState): boolean {
  const told = peer.headsById.get(id)
  return told !== undefined && durableHeads.length > 0 && sameHeads(told, durableHeads)
}

/** The peer was told, by an announcement or by itself, that all that is durable here is stored here. */
function hasSaid(peer: PeerState, { id, durableHeads }: DocumentState): boolean {
  const said = peer.storedById.get(id)
  return said !== undefined && sameHeads(said, durableHeads)
}

/** All of it travelled as live edits, and both ends have told each other that it is stored. */
function isConfirmed(exchange: Exchange, peer: PeerState, state: DocumentState): boolean {
  const confirmed = peer.confirmedById.get(state.id)
  if (!confirmed || !exchange.hasStored(peer, state)) return false
  return state.durableHeads.every((head) => confirmed.includes(head))
}

/** Tells the peer of what it has as well that it is stored here: shorter than announcing it, and at once. */
export function confirmLive(
  exchange: Exchange,
  peer: PeerState,
  items: Iterable<string> = peer.queue,
): void {
  for (const item of items) {
    if (!item.startsWith('d')) continue
    const state = exchange.replica.knownDocument(item.slice(1))
    if (!state || isUnderWay(exchange, peer, state.id)) continue
    if (isConfirmed(exchange, peer, state)) {
      peer.queue.delete(item)
      continue
    }
    if (!isThere(peer, state) || !exchange.mayRead(peer, state.id)) continue
    if (hasSaid(peer, state)) continue
    peer.storedById.set(state.id, state.durableHeads)
    exchange.send(peer, { type: 'stored', id: state.id, heads: state.durableHeads })
    if (exchange.hasStored(peer, state)) peer.queue.delete(item)
  }
}

/** Says later what is not worth a message of its own. */
export function setTimer(exchange: Exchange, peer: PeerState): void {
  if (peer.hasTimer) return
  peer.hasTimer = true
  exchange.replica.effect({ type: 'set-timer', link: peer.link, inMs: POSITION_DELAY_MS })
}

/** All arrivals up to here have been announced to the peer, or need not be. */
function coveredUpTo(exchange: Exchange, peer: PeerState): number {
  const { arrivals, durableArrival } = exchange.replica
  const [next] = peer.queue
  const covered = next === undefined ? durableArrival : (arrivals.get(next) ?? 1) - 1
  return Math.max(peer.announcedUpTo, covered)
}

function takeEntries(exchange: Exchange, peer: PeerState): OutgoingEntry[] {
  const entries: OutgoingEntry[] = []
  let bytes = 0
  while (entries.length < MAX_PAGE_ENTRIES && bytes < MAX_PAGE_BYTES) {
    const first = nextDue(exchange, peer)
    if (first === undefined) break
    const item = recordBefore(exchange, peer, first) ?? first
    peer.queue.delete(item)
    const entry = entryOf(exchange, peer, item)
    if (!entry) continue
    entries.push(entry)
    bytes += entry.type === 'record' ? entry.bytes.length + 4 : 24 + 32 * entry.heads.length
  }
  return entries
}

function encodeSignatures(entries: readonly OutgoingEntry[]): Uint8Array {
  const records = entries.filter((entry) => entry.type === 'record')
  const writer = createByteWriter()
  writeJointSignatures(
    writer,
    records.map(({ signature }) => signature),
  )
  return writer.finish()
}

function nextDue(exchange: Exchange, peer: PeerState): string | undefined {
  for (const item of peer.queue) {
    if (item.startsWith('r') || !isUnderWay(exchange, peer, item.slice(1))) return item
  }
  return undefined
}

/** A document's records go before it, and each record after its predecessor: the far end could not place them otherwise. */
function recordBefore(exchange: Exchange, peer: PeerState, item: string): string | undefined {
  const { catalogue, recordsByHash } = exchange.replica
  const id = item.slice(1)
  const own = recordsByHash.get(id)
  const paths = item.startsWith('r') ? [own?.path ?? ''] : catalogue.pathsOf(id)
  for (const path of paths) {
    const found = catalogue.records(path).find(({ hash }) => peer.queue.has(`r${hash}`))
    if (found) return `r${found.hash}`
  }
  return undefined
}

type RecordEntry = PageEntry & { readonly type: 'record' }
type OutgoingEntry = Exclude<PageEntry, RecordEntry> | SignedRecord

function entryOf(exchange: Exchange, peer: PeerState, item: string): OutgoingEntry | undefined {
  const { replica } = exchange
  const id = item.slice(1)
  if (item.startsWith('r')) {
    const record = replica.recordsByHash.get(id)
    if (!record || peer.toldRecords.get(id) === record.author) return undefined
    if (!exchange.mayRead(peer, record.documentId)) return undefined
    return { type: 'record', bytes: encodeUnsignedRecord(record), signature: record.signature }
  }
  const state = replica.knownDocument(id)
  if (!state || !replica.catalogue.knows(id) || exchange.hasStored(peer, state)) return undefined
  if (peer.refused.has(id) || peer.oversized.has(id) || !exchange.mayRead(peer, id))
    return undefined
  // An earlier version has stored it. The peer would take the page for a fault of the channel.
  if (state.durableHeads.length > MAX_HEADS) return undefined
  // What is announced is durable: nothing more has to be said of it.
  peer.storedById.set(id, state.durableHeads)
  return { type: 'document', id, heads: state.durableHeads }
}

/** Takes an announcement of a peer. */
export function handlePage(
  exchange: Exchange,
  peer: PeerState,
  page: SyncMessage & { type: 'page' },
): void {
  const { number, upTo, isLast, entries } = page
  const records = readRecords(exchange, page)
  if (number !== peer.lastIncomingPage + 1) throw protocolError(`page ${number} is out of order`)
  // Also those that only wait for a write: an honest peer waits for the answer.
  if (peer.incoming.length + peer.owedPages >= MAX_PAGES_IN_FLIGHT)
    throw protocolError('too many open pages')
  peer.lastIncomingPage = number
  peer.heardLast = isLast
  const open = new Set(entries.flatMap((entry) => (entry.type === 'document' ? entry.id : [])))
  const documents = entries.map((entry) => (entry.type === 'document' ? entry : undefined))
  const incoming = { number, upTo, open, entries: documents, kept: new Set<number>() }
  peer.incoming.push(incoming)
  for (const record of records) takeRecord(exchange, peer, record)
  const taken: number[] = []
  for (const [place, entry] of documents.entries()) {
    if (!entry) continue
    if (exchange.replica.retired.isGone(entry)) settleGone(exchange, peer, entry)
    else if (mayTake(exchange, peer, entry)) taken.push(place)
    else compareDocument(exchange, peer, entry)
  }
  if (taken.length > 0) take(exchange, peer, incoming, taken)
  settlePages(exchange, peer)
  exchange.replica.emit({ type: 'progress' })
}

type SignedRecord = RecordEntry & Pick<CatalogueRecord, 'signature'>
type ReadRecord = RecordEntry & ReadStatement

/** The records of a page, of which nothing is checked yet. @throws `WireError` `ERR_DECODE` when their signatures are none. */
function readRecords(
  { replica }: Exchange,
  { entries, signatures }: SyncMessage & { type: 'page' },
): ReadRecord[] {
  const records = entries.filter((entry) => entry.type === 'record')
  const reader = createByteReader(signatures)
  const signed = readJointSignatures(
    reader,
    records.map((record) => {
      return { ...record, leaf: leafOfRecord(replica.init.database, record.bytes) }
    }),
  )
  reader.end()
  return signed
}

function takeRecord(exchange: Exchange, peer: PeerState, sent: ReadRecord): void {
  const { replica } = exchange
  try {
    const unchecked = decodeUnsignedRecord(sent.bytes, sent)
    const { hash, author } = unchecked
    if (peer.toldRecords.size < MAX_RECORDS) peer.toldRecords.set(hash, author)
    if (isKnownRecord(replica, unchecked)) return
    const action = unchecked.state === 'deleted' || isSuccession(unchecked) ? 'delete' : 'write'
    // Before its signature: what is not taken anyway must not cost a verification.
    if (!replica.may(author, action, unchecked.path)) return
    replica.addRecord(checkRecord(unchecked, sent.root), peer.peerId)
  } catch (error) {
    if (!isSyncError(error) && !isWireError(error)) throw error
    // Whoever reached our limit did so together with others.
    if (error.code === 'ERR_SYNC_LIMIT') {
      replica.emit({ type: 'warning', message: error.message, path: '' })
      exchange.countFruitless(peer)
    } else exchange.fault(peer, error)
  }
}

/** What is here already is not verified again: a comparison brings all of it. */
function isKnownRecord(replica: Replica, { hash, author }: CatalogueRecord): boolean {
  const known = replica.recordsByHash.get(hash)
  return known !== undefined && known.author <= author
}

function compareDocument(
  exchange: Exchange,
  peer: PeerState,
  { id, heads }: PageEntry & { type: 'document' },
): void {
  const { replica } = exchange
  // Without a record it lies nowhere; its record was refused, or will bring it along.
  if (!replica.catalogue.knows(id) || peer.oversized.has(id)) return settlePages(exchange, peer, id)
  const state = replica.document(id)
  const sorted = heads.toSorted()
  const announced = { heads: sorted, ackBefore: state.ackByPeer.get(peer.peerId) }
  if (sameHeads(state.heads, sorted) || isKnown(state, sorted)) {
    return settleDocument(exchange, peer, state, announced)
  }
  replica.withDocument(state, () => {
    if (!exchange.isPresent(peer)) return
    if (state.has(sorted)) settleDocument(exchange, peer, state, announced)
    else want(exchange, peer, id, announced)
  })
}

/** A document that is not here at all has no heads, and nothing to know. */
function isKnown(state: DocumentState, heads: readonly string[]): boolean {
  return heads.length > 0 && heads.every((head) => state.hasRecently(head))
}

/** Nothing of it is needed: of a deleted document that is as good as stored, of a forgotten one it is not. */
function settleGone(exchange: Exchange, peer: PeerState, { id, heads }: AnnouncedDocument): void {
  if (!exchange.replica.retired.isForgotten(id)) exchange.send(peer, { type: 'stored', id, heads })
  settlePages(exchange, peer, id)
}

function want(exchange: Exchange, peer: PeerState, id: string, announced: Announced): void {
  const old = peer.wants.get(id)
  if (old) {
    old.heads = announced.heads
    old.ackBefore = announced.ackBefore
    // What is on its way may have been sent before this was announced.
    if (old.isAsked) old.rounds = Math.min(old.rounds, 1)
    return
  }
  peer.wants.set(id, { ...announced, rounds: 0, isAsked: false, isTaken: false })
  askNext(exchange, peer)
}

/** All that a peer announced of a document is here. */
export function settleDocument(
  exchange: Exchange,
  peer: PeerState,
  state: DocumentState,
  { heads, ackBefore }: Announced,
): void {
  const own = ownHeads(state, heads.toSorted())
  if (!peer.headsById.has(state.id)) peer.headsById.set(state.id, own)
  // It announces what is durable: that is an acknowledgement, unless it has said more of it since.
  const ack = state.ackByPeer.get(peer.peerId)
  if (ack === undefined || ack === ackBefore) exchange.acknowledged(peer, state, heads)
  if (!keptOnPage(peer, state.id, heads)) exchange.tellStored(peer, state)
  else if (!hasSaid(peer, state)) peer.storedById.set(state.id, own)
  exchange.dropWant(peer, state.id)
}

/** Moves on past the pages that are dealt with. The position is written with the data, and told after the write. */
export function settlePages(exchange: Exchange, peer: PeerState, id?: string): void {
  const { replica } = exchange
  if (id !== undefined) for (const { open } of peer.incoming) open.delete(id)
  while (peer.incoming[0]?.open.size === 0) {
    const { number, upTo, kept } = peer.incoming[0]
    peer.incoming.shift()
    if (upTo !== peer.position?.arrival || peer.run !== peer.position.run) {
      peer.position = { run: peer.run, arrival: upTo }
      replica.featuresByPeer.set(peer.peerId, peer.features)
      replica.writePosition(peer.peerId, peer.position)
    }
    peer.owedPages += 1
    replica.whenDurable(() => {
      peer.owedPages -= 1
      if (!peer.takesDocuments) exchange.send(peer, { type: 'page-stored', number })
      else exchange.send(peer, { type: 'kept', number, places: [...kept] })
    })
  }
}

function protocolError(message: string): SyncError {
  return new SyncError('ERR_SYNC_PROTOCOL', message)
}
