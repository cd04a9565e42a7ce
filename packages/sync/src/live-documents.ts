import { concatBytes } from '@vudo/wire'
import { buildBatch } from './change-batches.ts'
import { deflateLiveEdits } from './deflate.ts'
import type { LoggedChange } from './change-log.ts'
import { sameHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { leanProofsOf } from './lean-proofs.ts'
import { MAX_LIVE_BYTES, MAX_LIVE_DOCUMENTS, MAX_TAKEN_DOCUMENTS } from './limits.ts'
import type { LiveDocument, PeerState, TakenEdits } from './peer-state.ts'
import { encodeEdits } from './edits-wire.ts'

/* Where each peer stands in the logs of documents, and what it is sent of them. */

/** Raw changes below this many bytes do not shrink enough to be worth the time. */
const minDeflateBytes = 256

/** The last changes from a number on, encoded once for all peers that have those before. */
export function editsFor(state: DocumentState, from: number): Uint8Array {
  const { lastEdits, logEnd } = state
  if (lastEdits?.from === from && lastEdits.to === logEnd) return lastEdits.bytes
  const bytes = encodeEditsOf(state, state.log?.since(from) ?? [])
  state.lastEdits = { from, to: logEnd, bytes }
  return bytes
}

/** Changes of the log for somebody who has all of the document that came before the last of them. */
export function encodeEditsOf(state: DocumentState, changes: readonly LoggedChange[]): Uint8Array {
  const raw = concatBytes(...changes.map(({ bytes }) => bytes))
  const deflated = raw.length < minDeflateBytes ? undefined : deflateLiveEdits(raw)
  const leanProofs = leanProofsOf(state, changes)
  const proofs = leanProofs ? [] : state.proofsOf(changes.map(({ actor }) => actor))
  const payload = deflated ?? raw
  return encodeEdits({ isDeflated: deflated !== undefined, proofs, leanProofs, payload })
}

/** Begins to follow what a peer has of a document, if that is a place in the log. */
export function followPeer(peer: PeerState, state: DocumentState): LiveDocument | undefined {
  const theirs = headsOf(peer, state)?.toSorted()
  if (!theirs) return undefined
  const { log } = state
  if (sameHeads(theirs, state.heads)) return follow(peer, state.id, state.logEnd)
  if (!log) return undefined
  const isBase = sameHeads(theirs, log.base)
  const next = isBase ? log.start : log.numberOf(theirs)
  return next === undefined ? undefined : follow(peer, state.id, next)
}

function follow(peer: PeerState, id: string, next: number): LiveDocument {
  const live: LiveDocument = {
    next,
    unanswered: 0,
    unstored: 0,
    awaited: undefined,
    isDue: false,
    isBusy: false,
  }
  peer.live.set(id, live)
  const [oldest] = peer.live.keys()
  if (peer.live.size > MAX_LIVE_DOCUMENTS && oldest !== undefined) forgetLive(peer, oldest)
  return live
}

/** What a peer lacks of a document whose log does not reach back to what it has. Only of an open one; of others it is announced. */
export function followUnlogged(
  peer: PeerState,
  state: DocumentState,
): { readonly live: LiveDocument; readonly bytes: Uint8Array } | undefined {
  const theirs = headsOf(peer, state)
  if (!theirs || !state.doc || state.isBehind || !state.has(theirs)) return undefined
  const batch = buildBatch(state, theirs, { isAnswer: false, allowsBundle: peer.takesBundles })
  const bytes = encodeEdits(batch)
  // What does not fit into one message is announced and asked for.
  if (bytes.length > MAX_LIVE_BYTES) return undefined
  return { live: follow(peer, state.id, state.logEnd), bytes }
}

/** A peer has sent edits; if nothing else is here it has all of it. */
export function noteTaken(peer: PeerState, state: DocumentState, taken: TakenEdits): void {
  const { id, heads } = state
  const former = peer.takenById.get(id)
  peer.takenById.delete(id)
  const tips = former ? [...new Set([...former.tips, ...taken.tips])] : taken.tips
  peer.takenById.set(id, { number: taken.number, tips: tips.filter((tip) => heads.includes(tip)) })
  const [oldest] = peer.takenById.keys()
  if (peer.takenById.size > MAX_TAKEN_DOCUMENTS && oldest !== undefined) {
    peer.takenById.delete(oldest)
  }
  if (!sameHeads(taken.tips, heads)) return
  peer.headsById.set(id, heads)
  if (!peer.live.has(id)) follow(peer, id, state.logEnd)
}

/** What was assumed of a peer's document does not hold: it is told by the peer anew. */
export function forgetLive(peer: PeerState, id: string): void {
  peer.live.delete(id)
  peer.takenById.delete(id)
  peer.sentEdits = peer.sentEdits.filter((edits) => edits.id !== id)
}

/** Tells whether edits of a document travelled, or are about to, that are not stored at both ends, as far as that is known. */
export function isTravelling(peer: PeerState, id: string): boolean {
  return (peer.live.get(id)?.unstored ?? 0) > 0 || peer.takenById.has(id) || peer.withheld.has(id)
}

function headsOf(peer: PeerState, state: DocumentState): readonly string[] | undefined {
  const told = peer.headsById.get(state.id)
  if (told) return told
  const ack = state.ackByPeer.get(peer.peerId)
  return typeof ack === 'string' ? undefined : ack
}
