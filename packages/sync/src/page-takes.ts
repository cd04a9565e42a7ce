import { concatBytes, hexToBytes } from '@vudo/wire'
import { sameHeads } from './document-heads.ts'
import type { Exchange } from './exchange.ts'
import type { AnnouncedDocument, IncomingPage, PeerState } from './peer-state.ts'

/* Documents of which nothing is here: asked for by page, and many at a time. */

/** Tells whether an announced document may come as it is stored: nothing of it is here, and nobody has asked for it. */
export function mayTake(
  { replica }: Exchange,
  peer: PeerState,
  { id, heads }: AnnouncedDocument,
): boolean {
  if (!peer.takesDocuments || heads.length === 0) return false
  if (!replica.catalogue.knows(id) || peer.oversized.has(id) || peer.wants.has(id)) return false
  const state = replica.document(id)
  return state.isBlank && !state.isSuspect
}

/** Asks for documents of a page, each whole. */
export function take(
  exchange: Exchange,
  peer: PeerState,
  { number, entries }: IncomingPage,
  places: readonly number[],
): void {
  for (const place of places) {
    const entry = entries[place]
    if (!entry) continue
    const heads = entry.heads.toSorted()
    // Nothing of it is here that the peer could have stored.
    peer.wants.set(entry.id, {
      heads,
      ackBefore: undefined,
      rounds: 1,
      isAsked: true,
      isTaken: true,
    })
    peer.wantsInFlight += 1
    peer.answersDue += 1
  }
  exchange.send(peer, { type: 'take', number, places })
}

/** Notes that a document is here as a page of the peer announced it; false when none did. */
export function keptOnPage(peer: PeerState, id: string, heads: readonly string[]): boolean {
  if (!peer.takesDocuments) return false
  const sorted = heads.toSorted()
  let isOnPage = false
  for (const { open, entries, kept } of peer.incoming) {
    if (!open.has(id)) continue
    const place = entries.findIndex((entry) => entry?.id === id)
    const entry = entries[place]
    if (!entry || !sameHeads(entry.heads.toSorted(), sorted)) continue
    kept.add(place)
    isOnPage = true
  }
  return isOnPage
}

/** What both ends know of a page and what its documents hold again: their heads. */
export function dictionaryOf(entries: readonly (AnnouncedDocument | undefined)[]): Uint8Array {
  const heads = entries.flatMap((entry) => entry?.heads ?? [])
  return concatBytes(...heads.map((hash) => hexToBytes(hash)))
}
