import type { PeerId } from '@vudo/transport'
import type { SwarmConnection } from './swarm-connection.ts'

/** The live connections. A peer may have several for a while: it restarted, or both ends dialled. */
export interface Connections {
  readonly size: number
  has(peerId: PeerId): boolean
  add(connection: SwarmConnection): void
  /** False when it was not there. */
  delete(connection: SwarmConnection): boolean
  /** A copy: what happens while it is walked through does not disturb. */
  all(): SwarmConnection[]
}

/** Makes an empty table. Its size is bounded by whoever adds: see `maxConnections`. */
export function createConnections(): Connections {
  const live = new Set<SwarmConnection>()
  const countByPeer = new Map<PeerId, number>()
  const count = (peerId: PeerId, change: number): void => {
    const now = (countByPeer.get(peerId) ?? 0) + change
    if (now > 0) countByPeer.set(peerId, now)
    else countByPeer.delete(peerId)
  }
  return {
    get size() {
      return live.size
    },
    has: (peerId) => countByPeer.has(peerId),
    add: (connection) => {
      live.add(connection)
      count(connection.peerId, 1)
    },
    delete: (connection) => {
      if (!live.delete(connection)) return false
      count(connection.peerId, -1)
      return true
    },
    all: () => [...live],
  }
}
