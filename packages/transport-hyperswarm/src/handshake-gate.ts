import type { PeerId } from '@vudo/transport'
import { MAX_PENDING_HANDSHAKES, MAX_PENDING_PER_ADDRESS, PENDING_HANDSHAKE_MS } from './limits.ts'

/**
 * Bounds handshakes that have not become a connection. The swarm counts strangers from the
 * connection on; before it, a handshake may hold sockets for up to ten seconds.
 */
export interface HandshakeGate {
  /** False when it has to be refused. The key is claimed, and not proven yet. */
  enter(key: PeerId, address: string, nowMs: number): boolean
  /** It became a connection. */
  leave(key: PeerId): void
}

/** Makes a gate without anybody in it. */
export function createHandshakeGate(): HandshakeGate {
  return new CountingGate()
}

class CountingGate implements HandshakeGate {
  /** Oldest first. A peer that tries again replaces its entry. */
  readonly #pendingByKey = new Map<PeerId, { readonly address: string; readonly untilMs: number }>()

  enter(key: PeerId, address: string, nowMs: number): boolean {
    this.#pendingByKey.delete(key)
    this.#forgetOld(nowMs)
    const pending = [...this.#pendingByKey.values()]
    if (pending.length >= MAX_PENDING_HANDSHAKES) return false
    const fromThere = pending.filter((one) => one.address === address).length
    if (fromThere >= MAX_PENDING_PER_ADDRESS) return false
    this.#pendingByKey.set(key, { address, untilMs: nowMs + PENDING_HANDSHAKE_MS })
    return true
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { untilMs }] of this.#pendingByKey) {
      if (untilMs > nowMs) return
      this.#pendingByKey.delete(key)
    }
  }

  leave(key: PeerId): void {
    this.#pendingByKey.delete(key)
  }
}
