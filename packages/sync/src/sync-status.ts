import type { PeerState } from './peer-state.ts'
import type { Replica } from './replica.ts'
import type { PeerSyncStatus, SyncStatus } from './sync-types.ts'

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
  const { peerId, isReady } = peer
  const unwritten = replica.isWriting ? 1 : 0
  const ahead = peer.queue.size + peer.pagesInFlight.size + peer.pushed.size + unwritten
  const behind = peer.wants.size
  if (!isReady) return { peerId, state: 'connecting', ahead, behind }
  return { peerId, state: isSynced(replica, peer) ? 'synced' : 'syncing', ahead, behind }
}

/** Each holds durably what the other has, as far as both have told. */
export function isSynced(replica: Replica, peer: PeerState): boolean {
  return (
    peer.isReady &&
    peer.heardLast &&
    peer.saidLast &&
    peer.queue.size + peer.pagesInFlight.size + peer.pushed.size === 0 &&
    peer.wants.size + peer.incoming.length === 0 &&
    peer.refused.size + peer.oversized.size === 0 &&
    !replica.isWriting
  )
}
