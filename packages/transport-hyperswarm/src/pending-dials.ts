import type { SecretStream } from 'hyperdht'
import type { PeerId } from '@vudo/transport'

/**
 * Our dials that are under way, and what becomes of a stream that comes from such a peer: two ends
 * that dial each other get one connection out of it, the one that the larger key dialled. That is
 * Hyperswarm's rule, so it holds with its peers as well.
 */
export interface PendingDials {
  /** @param giveUp - Ends our own attempt, because the peer's takes its place. */
  begin(peerId: PeerId, giveUp: () => void): PendingDial
  /** Takes a stream that came in, or ends it; false when nobody is dialling its peer. */
  settle(peerId: PeerId, stream: SecretStream): boolean
}

/** One of them. */
export interface PendingDial {
  /** What came in instead, once it has. */
  readonly replacement: SecretStream | undefined
  end(): void
}

/** Makes an empty table. The swarm bounds how many dials are under way. */
export function createPendingDials(self: PeerId): PendingDials {
  const dialsByPeer = new Map<PeerId, Dial>()
  return {
    begin(peerId, giveUp) {
      const dial: Dial = {
        replacement: undefined,
        giveUp,
        end() {
          if (dialsByPeer.get(peerId) === dial) dialsByPeer.delete(peerId)
        },
      }
      // Of two dials of one peer here, the later one is who settles.
      dialsByPeer.set(peerId, dial)
      return dial
    },
    settle(peerId, stream) {
      const dial = dialsByPeer.get(peerId)
      if (!dial || dial.replacement) return false
      if (self > peerId) stream.destroy()
      else {
        dial.replacement = stream
        dial.giveUp()
      }
      return true
    },
  }
}

interface Dial extends PendingDial {
  replacement: SecretStream | undefined
  readonly giveUp: () => void
}
