import type { Libp2p } from 'libp2p'
import { IDLE_CONNECTION_MS, IDLE_SWEEP_MS } from './limits.ts'

/** Closes what nobody uses, now and then. */
export interface IdleSweep {
  close(): void
}

/**
 * Begins to close connections without a stream: links have one for as long as they live, questions
 * of a DHT come and go. A stranger who opens connections and says nothing does not keep them.
 */
export function startIdleSweep(libp2p: Libp2p, nowMs: () => number = Date.now): IdleSweep {
  const idleSince = new Map<string, number>()
  const timer = setInterval(() => sweep(libp2p, idleSince, nowMs()), IDLE_SWEEP_MS)
  // It must not keep a process that has nothing else to do.
  timer.unref()
  return { close: () => clearInterval(timer) }
}

/** One round; `idleSince` carries over to the next what was idle. */
export function sweep(libp2p: Libp2p, idleSince: Map<string, number>, nowMs: number): void {
  const connections = libp2p.getConnections()
  const present = new Set(connections.map(({ id }) => id))
  for (const id of idleSince.keys()) if (!present.has(id)) idleSince.delete(id)
  for (const connection of connections) {
    const { id, streams } = connection
    if (streams.length > 0) idleSince.delete(id)
    else if (nowMs - (idleSince.get(id) ?? nowMs) >= IDLE_CONNECTION_MS) {
      connection.close().catch((error: Error) => connection.abort(error))
    } else if (!idleSince.has(id)) idleSince.set(id, nowMs)
  }
}
