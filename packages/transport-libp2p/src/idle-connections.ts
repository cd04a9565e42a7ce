import type { Connection } from '@libp2p/interface'
import { IDLE_CONNECTION_MS, IDLE_SWEEP_MS } from './limits.ts'
import type { StackNode } from './node.ts'

/** Closes what nobody uses, now and then. */
export interface IdleSweep {
  close(): void
}

/** Whose connections are swept, and which of their streams count. */
export type Swept = Pick<StackNode, 'libp2p' | 'isUseful'>

/**
 * Begins to close connections without a useful stream: links have one for as long as they live,
 * questions of a DHT come and go. A stranger who opens connections and says nothing does not keep
 * them, although pings, ours too, run over them all the time.
 */
export function startIdleSweep(node: Swept, nowMs: () => number = Date.now): IdleSweep {
  const idleSince = new Map<string, number>()
  const timer = setInterval(() => void sweep(node, idleSince, nowMs()), IDLE_SWEEP_MS)
  // It must not keep a process that has nothing else to do.
  timer.unref()
  return { close: () => clearInterval(timer) }
}

/** One round, which never rejects; `idleSince` carries over to the next what was idle. */
export async function sweep(
  node: Swept,
  idleSince: Map<string, number>,
  nowMs: number,
): Promise<void> {
  const connections = node.libp2p.getConnections()
  const present = new Set(connections.map(({ id }) => id))
  for (const id of idleSince.keys()) if (!present.has(id)) idleSince.delete(id)
  const old: Connection[] = []
  for (const connection of connections) {
    const { id, streams } = connection
    const sinceMs = idleSince.get(id) ?? nowMs
    idleSince.set(id, sinceMs)
    if (streams.some(({ protocol }) => node.isUseful(protocol))) idleSince.delete(id)
    else if (nowMs - sinceMs >= IDLE_CONNECTION_MS) old.push(connection)
  }
  await Promise.all(old.map((connection) => closeUnlessKept(node, connection)))
}

async function closeUnlessKept({ libp2p }: Swept, connection: Connection): Promise<void> {
  try {
    const { tags } = await libp2p.peerStore.get(connection.remotePeer)
    if ([...tags.keys()].some(isKept)) return
    await connection.close()
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error('nobody uses it'))
  }
}

/** How the stack marks the nearest nodes of the DHT, its relays, and those that have a place at its own relay. */
function isKept(tag: string): boolean {
  return tag.startsWith('keep-alive') || tag === 'circuit-relay-source'
}
