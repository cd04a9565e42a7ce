import type { Multiaddr } from '@multiformats/multiaddr'
import { IDLE_SWEEP_MS } from './limits.ts'
import type { StackNode } from './node.ts'
import { orAborted } from './or-aborted.ts'
import { startRetryLoop } from './retry-loop.ts'
import { warnOnce } from './warn-once.ts'

/** Places at relays, kept. */
export interface RelayClients {
  /** Settles, never rejects, when each relay has been tried once. */
  readonly firstTries: Promise<unknown>
  close(): Promise<void>
}

/** Reserves a place at each relay, and again when it has been lost. A relay that cannot be reached is said once, and tried on. */
export function startRelayClients(node: StackNode, relays: readonly Multiaddr[]): RelayClients {
  const loops = relays.map((relay) =>
    startRetryLoop({ run: (signal) => reserve(node, relay, signal), againMs: IDLE_SWEEP_MS }),
  )
  return {
    firstTries: Promise.allSettled(loops.map(({ latest }) => latest)),
    async close() {
      await Promise.all(loops.map((loop) => loop.stop()))
    },
  }
}

async function reserve(node: StackNode, relay: Multiaddr, signal: AbortSignal): Promise<void> {
  if (node.reservations.hasPlace(relay)) return
  try {
    // First, because the stack never again asks a relay that it could not reach by itself.
    await orAborted(node.libp2p.dial(relay, { signal }), signal)
    await orAborted(node.reservations.reserve(relay), signal)
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : String(error)
    if (!signal.aborted) warnOnce(`libp2p has no place at the relay ${relay.toString()}: ${why}`)
    throw error
  }
}
