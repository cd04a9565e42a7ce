import { announceNext } from './announcements.ts'
import type { CatalogueRecord } from './catalogue-record.ts'
import { digestOf, sameHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { boundsOf, cut, differences, rangesOf } from './fingerprints.ts'
import type { Differences, PathContent } from './fingerprints.ts'
import { FRUITLESS_COMPARISON, MAX_COMPARISONS } from './limits.ts'
import type { PeerState, SentRanges } from './peer-state.ts'
import type { StorePosition, SyncMessage } from './wire.ts'

/*
 * Finds out what differs between two stores that both hold much, when a position does
 * not tell: one end sends fingerprints of ranges of paths, the other answers which of
 * them it has otherwise, and both announce what they have there.
 */

/** Tells whether ranges are worth their round trip with this peer. */
export function mayCompareRanges(peer: PeerState): boolean {
  return peer.comparesRanges
}

/**
 * Begins what follows a hello in place of announcing everything.
 *
 * Who has no position in the other's store sends the ranges, of two the one with the
 * lower run; a position that this store does not know is the other's, who does not
 * know that, so this end sends them.
 *
 * @returns false when nothing is to be compared.
 */
export function beginComparison(
  exchange: Exchange,
  peer: PeerState,
  theirs: { readonly position: StorePosition; readonly isKnown: boolean; readonly ownRun: string },
): boolean {
  if (!mayCompareRanges(peer)) return false
  const isOwnMissing = isNowhere(peer.position)
  const isTheirsMissing = isNowhere(theirs.position)
  if (theirs.isKnown && !isOwnMissing) return false
  const isOurTurn = isTheirsMissing ? isOwnMissing && theirs.ownRun < peer.run : true
  if (!theirs.isKnown) peer.isHolding = true
  if (isOurTurn) sendRanges(exchange, peer)
  return !theirs.isKnown
}

function isNowhere(position: StorePosition | undefined): boolean {
  return position === undefined || /^0+$/.test(position.run)
}

/** Sends the fingerprints of everything that is durable and that the peer may read. */
export function sendRanges(exchange: Exchange, peer: PeerState): void {
  if (peer.sentRanges.length >= MAX_COMPARISONS) return
  const ranges = rangesOf(contentsFor(exchange, peer), exchange.ownRun)
  const { durableArrival } = exchange.replica
  peer.sentRanges.push({ bounds: boundsOf(ranges), durableArrival })
  exchange.send(peer, { type: 'ranges', ranges })
}

/** Takes the peer's ranges: says which differ, and announces what lies there. */
export function handleRanges(
  exchange: Exchange,
  peer: PeerState,
  { ranges }: SyncMessage & { type: 'ranges' },
): void {
  // Each costs a look at everything.
  exchange.countFruitless(peer, FRUITLESS_COMPARISON)
  const contents = contentsFor(exchange, peer)
  const found = differences(contents, ranges, peer.run)
  // What lies there first: the peer need not say of it what it has just heard.
  const { durableArrival } = exchange.replica
  settle(exchange, peer, { contents, bounds: boundsOf(ranges), found, durableArrival })
  exchange.send(peer, { type: 'differing', ...found })
}

/** Takes the answer to our ranges. */
export function handleDiffering(
  exchange: Exchange,
  peer: PeerState,
  found: SyncMessage & { type: 'differing' },
): void {
  const sent = peer.sentRanges.shift()
  if (!sent) throw new SyncError('ERR_SYNC_PROTOCOL', 'an answer to ranges that were not sent')
  settle(exchange, peer, { contents: contentsFor(exchange, peer), found, ...sent })
}

interface Compared extends SentRanges {
  readonly contents: readonly PathContent[]
  readonly found: Differences
}

/**
 * What is equal counts as acknowledged, what differs is announced. What became durable after
 * the hashing was not compared: it waits in the queue already.
 */
function settle(exchange: Exchange, peer: PeerState, compared: Compared): void {
  const { contents, bounds, found, durableArrival } = compared
  const { arrivals } = exchange.replica
  const [records, documents] = [new Set(found.records), new Set(found.documents)]
  const due = new Set(peer.queue)
  for (const [number, { part }] of cut(contents, bounds).entries()) {
    for (const { path } of part) {
      const areSame = !documents.has(number)
      for (const { hash, documentId } of exchange.replica.catalogue.records(path)) {
        if (records.has(number)) due.add(`r${hash}`)
        const state = exchange.replica.knownDocument(documentId)
        if (!state || state.durableHeads.length === 0) continue
        if (areSame && (arrivals.get(`d${documentId}`) ?? Infinity) > durableArrival) continue
        if (!areSame && isHeard(peer, state)) continue
        if (!areSame) due.add(`d${documentId}`)
        exchange.replica.writeAck(state, peer.peerId, areSame ? state.durableHeads : undefined)
        if (areSame) peer.headsById.set(documentId, state.durableHeads)
      }
    }
  }
  announceInOrder(exchange, peer, due)
}

/** Tells whether the peer has just announced what is here, or what is on its way here: that is told when it is stored. */
function isHeard(peer: PeerState, { id, durableHeads }: DocumentState): boolean {
  const told = peer.headsById.get(id)
  return peer.wants.has(id) || (told !== undefined && sameHeads(told, durableHeads))
}

/** Pages tell how far they reach, so what waits must be in the order of arrival. */
function announceInOrder(exchange: Exchange, peer: PeerState, due: ReadonlySet<string>): void {
  peer.queue.clear()
  for (const item of exchange.replica.arrivals.keys()) if (due.has(item)) peer.queue.add(item)
  peer.announcedUpTo = 0
  peer.saidLast = false
  peer.isHolding = false
  announceNext(exchange, peer, { evenEmpty: true })
}

/**
 * All that is durable here and that the peer may read, ordered by path.
 *
 * @param isMeant - Whether a document counts. @defaultValue all do
 */
export function contentsFor(
  exchange: Exchange,
  peer: PeerState,
  isMeant?: (documentId: string) => boolean,
): PathContent[] {
  const { catalogue } = exchange.replica
  return catalogue.paths().flatMap((path) => {
    const records = recordsFor(exchange, peer, path)
    return records.length > 0 ? [contentOf(exchange, { path, records, isMeant })] : []
  })
}

function recordsFor(exchange: Exchange, peer: PeerState, path: string): CatalogueRecord[] {
  const { catalogue, arrivals } = exchange.replica
  return catalogue
    .records(path)
    .filter(
      ({ hash, documentId }) => arrivals.has(`r${hash}`) && exchange.mayRead(peer, documentId),
    )
}

interface PathRecords {
  readonly path: string
  readonly records: readonly CatalogueRecord[]
  readonly isMeant: ((documentId: string) => boolean) | undefined
}

/** In the order of hashes, which both ends share; only what is durable here. */
function contentOf(exchange: Exchange, { path, records, isMeant }: PathRecords): PathContent {
  const all = new Set(records.map(({ documentId }) => documentId))
  const ids = isMeant ? [...all].filter(isMeant) : all
  const documents = [...ids].flatMap((id) => {
    const heads = exchange.replica.knownDocument(id)?.durableHeads ?? []
    return heads.length > 0 ? [`${id} ${digestOf(heads)}`] : []
  })
  const lines = records.map(({ hash, author }) => `${hash} ${author}`)
  return { path, records: lines.toSorted(), documents: documents.toSorted() }
}
