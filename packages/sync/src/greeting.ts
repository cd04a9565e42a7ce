import * as Automerge from '@automerge/automerge'
import { isCertified, signCertificate } from './authorship.ts'
import { pushEarly } from './batch-server.ts'
import { SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { CERTIFICATE_LIFETIME_MS, MIN_COMPARED_PATHS } from './limits.ts'
import type { PeerState } from './peer-state.ts'
import { beginComparison } from './range-reconciliation.ts'
import type { Replica } from './replica.ts'
import { features, nowhere, type StorePosition, type SyncMessage } from './wire.ts'

/* How a channel begins: each end says who it is, what it understands, and where it stands in the other's store. */

/** Bundles are experimental in Automerge: used while it has them. */
const ownFeatures =
  features.documents + (typeof Automerge.saveBundle === 'function' ? features.bundles : 0)

/** Sends our hello, and what needs no answer to it. */
export function greet(exchange: Exchange, peer: PeerState, nowMs: number): void {
  const { init, featuresByPeer } = exchange.replica
  takeFeatures(peer, featuresByPeer.get(peer.peerId) ?? 0)
  const expiresAtMs = Math.floor(nowMs) + CERTIFICATE_LIFETIME_MS
  const node = { database: init.database, peerId: init.peerId, expiresAtMs }
  // What was told counts, however many paths there are when the other's hello comes.
  peer.comparesRanges = hasMuch(exchange.replica)
  exchange.send(peer, {
    type: 'hello',
    run: exchange.ownRun,
    position: peer.position ?? nowhere,
    certificates: [signCertificate(node, init.author)],
    features: ownFeatures + (peer.comparesRanges ? features.ranges : 0),
  })
  pushEarly(exchange, peer)
}

/** A comparison by ranges is for those who have something to compare. */
function hasMuch({ catalogue, init }: Replica): boolean {
  return catalogue.pathCount >= (init.minComparedPaths ?? MIN_COMPARED_PATHS)
}

/** Takes the peer's hello, and begins to announce what it lacks. */
export function handleHello(
  exchange: Exchange,
  peer: PeerState,
  { hello, nowMs }: { readonly hello: SyncMessage & { type: 'hello' }; readonly nowMs: number },
): void {
  if (peer.isReady) throw new SyncError('ERR_SYNC_PROTOCOL', 'a second hello')
  const node = { database: exchange.replica.init.database, peerId: peer.peerId, nowMs }
  const { certificates, position, run, features: known = 0 } = hello
  peer.authors = certificates
    .filter((certificate) => isCertified(certificate, node))
    .map(({ author }) => author)
  peer.isReady = true
  peer.run = run
  takeFeatures(peer, known)
  peer.comparesRanges &&= (known & features.ranges) > 0
  const from = resolve(exchange.replica, position)
  const theirs = { position, isKnown: from > 0, ownRun: exchange.ownRun }
  if (!beginComparison(exchange, peer, theirs)) exchange.announceAll(peer, from)
}

function takeFeatures(peer: PeerState, known: number): void {
  peer.features = known
  peer.takesDocuments = (known & features.documents) > 0
  peer.takesBundles = (known & ownFeatures & features.bundles) > 0
}

/**
 * How far a position reaches in this store. It names a run: what came after that
 * run's end in another copy of this store never was here.
 */
function resolve({ runs, durableArrival }: Replica, { run, arrival }: StorePosition): number {
  const at = runs.findIndex(({ id }) => id === run)
  if (at < 0) return 0
  const next = runs[at + 1]
  return Math.min(arrival, next ? next.firstArrival - 1 : durableArrival)
}
