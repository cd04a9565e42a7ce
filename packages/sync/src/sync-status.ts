import type { PeerId } from '@vudo/transport'
import { isAckOf } from './document-heads.ts'
import type { PeerState } from './peer-state.ts'
import type { Replica } from './replica.ts'
import type { DocumentSyncStatus, PeerSyncStatus, SyncStatus } from './sync-types.ts'

/** Where a replica stands with its peers. */
export function statusOf(replica: Replica): SyncStatus {
  const states = [...replica.exchange.peers.values()]
  const peers = states.map((peer) => peerStatus(replica, peer))
  const pendingBytes = states.reduce((sum, { outgoingBytes }) => sum + outgoingBytes, 0)
  const ready = peers.filter(({ state }) => state !== 'connecting')
  if (ready.length === 0) {
    const ahead = replica.unstoredCount
    const state = peers.length > 0 ? 'connecting' : 'offline'
    return { state, ahead, behind: 0, peers, pendingBytes }
  }
  const state = ready.every((peer) => peer.state === 'synced') ? 'synced' : 'syncing'
  const ahead = Math.max(...ready.map((peer) => peer.ahead))
  const behind = Math.max(...ready.map((peer) => peer.behind))
  return { state, ahead, behind, peers, pendingBytes }
}

function peerStatus(replica: Replica, peer: PeerState): PeerSyncStatus {
  const { peerId, isReady, outgoingBytes: pendingBytes } = peer
  const unwritten = replica.isWriting ? 1 : 0
  const ahead = peer.queue.size + peer.pagesInFlight.size + peer.sentEdits.length + unwritten
  const behind = peer.wants.size
  if (!isReady) return { peerId, state: 'connecting', ahead, behind, pendingBytes }
  return {
    peerId,
    state: isSynced(replica, peer) ? 'synced' : 'syncing',
    ahead,
    behind,
    pendingBytes,
  }
}

/** Each holds durably what the other has, as far as both have told. */
export function isSynced(replica: Replica, peer: PeerState): boolean {
  return (
    peer.isReady &&
    peer.heardLast &&
    peer.saidLast &&
    peer.queue.size + peer.pagesInFlight.size + peer.sentEdits.length === 0 &&
    peer.wants.size + peer.incoming.length === 0 &&
    peer.refused.size + peer.oversized.size === 0 &&
    !replica.isWriting
  )
}

/** Where the document under a path stands; `undefined` when none lies there. */
export function documentStatusOf(replica: Replica, path: string): DocumentSyncStatus | undefined {
  const record = replica.catalogue.winner(path)
  if (record?.state !== 'live') return undefined
  const known = replica.knownDocument(record.documentId)
  const { heads = [], ackByPeer = [] } = known ?? {}
  const storedBy = [...ackByPeer].flatMap(([peer, ack]) => (isAckOf(ack, heads) ? peer : []))
  const behind = [...replica.exchange.peers.values()].filter(({ wants }) =>
    wants.has(record.documentId),
  )
  const behindPeers = [...new Set(behind.map(({ peerId }) => peerId))]
  const state = behindPeers.length > 0 ? 'behind' : storedBy.length > 0 ? 'stored' : 'local'
  return { state, heads, storedBy, behindPeers }
}

/** Tells whether a peer has announced all it has, and confirmed what is under the path here. */
export function isSameAt(replica: Replica, peerId: PeerId, path: string): boolean {
  const record = replica.catalogue.winner(path)
  const state = record && replica.document(record.documentId)
  return [...replica.exchange.peers.values()].some((peer) => {
    if (peer.peerId !== peerId || !peer.heardLast || !peer.saidLast) return false
    if (!record || !state) return true
    const isSaid = !peer.queue.has(`r${record.hash}`) && peer.pagesInFlight.size === 0
    const isEmpty = state.heads.length === 0
    return (
      isSaid && !peer.wants.has(state.id) && (isEmpty || replica.exchange.hasStored(peer, state))
    )
  })
}
