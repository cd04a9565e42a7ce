import type { Multiaddr } from '@multiformats/multiaddr'

/** What of the stack's listeners we need. */
interface Listener {
  listen(at: Multiaddr): Promise<void>
  getAddrs(): readonly Multiaddr[]
}

/** Where the stack keeps its listeners. */
export interface Listeners {
  listen(at: Multiaddr[]): Promise<void>
  getListeners(): readonly Listener[]
}

/** Places at relays. */
export interface Reservations {
  /** Reserves a place, and listens there; also again, when it has been lost or could not be had. */
  reserve(relay: Multiaddr): Promise<void>
  hasPlace(relay: Multiaddr): boolean
}

/**
 * Makes one listener for each relay, and keeps to it. The stack makes a new one at each call, and
 * never drops those that have failed or lost their place; closing one would end the places of all.
 */
export function createReservations(
  listeners: Listeners,
  toMultiaddr: (text: string) => Multiaddr,
): Reservations {
  const byRelay = new Map<string, Listener>()
  return {
    async reserve(relay) {
      const at = toMultiaddr(`${relay.toString()}/p2p-circuit`)
      const present = byRelay.get(relay.toString())
      if (present) return present.listen(at)
      const before = new Set(listeners.getListeners())
      const listening = listeners.listen([at])
      // Made at once, so no other call comes between.
      const made = listeners.getListeners().find((one) => !before.has(one))
      if (made) byRelay.set(relay.toString(), made)
      return listening
    },
    hasPlace: (relay) => (byRelay.get(relay.toString())?.getAddrs().length ?? 0) > 0,
  }
}
