import type { Multiaddr } from '@multiformats/multiaddr'
import { IDLE_SWEEP_MS } from './limits.ts'
import type { StackNode } from './node.ts'
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
  const id = relay.toString().split('/').at(-1)
  const isReserved = node.libp2p
    .getMultiaddrs()
    .some((address) => address.toString().includes(`/p2p/${id}/p2p-circuit`))
  if (isReserved) return
  try {
    // Before anything of a listener exists: one that fails stays behind in the stack.
    await node.libp2p.dial(relay, { signal })
    await node.reserve(relay)
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : String(error)
    if (!signal.aborted) warnOnce(`libp2p has no place at the relay ${relay.toString()}: ${why}`)
    throw error
  }
}
