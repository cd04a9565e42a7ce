import type { Network } from '@vudo/network'
import type { Database } from '@vudo/sync'
import type { PeerId } from '@vudo/transport'
import { abortable } from './abortable.ts'

/**
 * Settles when documents flow between this node and `peerId`, or the peer is not connected
 * any more. A session stands a moment before that, so who has just connected would be told
 * that there is no channel yet.
 */
export async function whenSyncing(
  peerId: PeerId,
  {
    database,
    network,
    signal,
  }: {
    readonly database: Database
    readonly network: Network
    readonly signal: AbortSignal | undefined
  },
): Promise<void> {
  signal?.throwIfAborted()
  const isOver = (): boolean =>
    !network.isPeerConnected(peerId) ||
    database.status.peers.some((peer) => peer.peerId === peerId && peer.state !== 'connecting')
  if (isOver()) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const check = (): void => {
    if (isOver()) resolve()
  }
  const endings = [
    database.events.on('sync:status', check),
    network.events.on('peer:disconnected', check),
  ]
  try {
    await abortable(promise, signal)
  } finally {
    for (const end of endings) end()
  }
}
