import type { SecretStream } from 'hyperdht'
import type { PeerId } from '@vudo/transport'
import type { DhtLink } from './dht-link.ts'

/**
 * Peers with whom something is under way, so that two ends that dial each other get one connection
 * out of it:
 *
 * - A stream that comes in from a peer that we dial: the one that the larger key dialled stays. That
 *   is Hyperswarm's rule, so it holds with its peers as well.
 * - A dial to a peer whose stream has come in and has not greeted yet: that stream is the answer.
 */
export interface Encounters {
  /** @param giveUp - Ends our own attempt, because the peer's takes its place. */
  dialling(peerId: PeerId, giveUp: () => void): PendingDial
  /** Takes a stream that came in, or ends it; false when nobody here is dialling its peer. */
  settle(peerId: PeerId, stream: SecretStream): boolean
  /** A link came in that has not greeted yet. */
  arriving(link: DhtLink): Arrival
  /** The link of a peer that is arriving, for a dial; it is nobody else's then. */
  take(peerId: PeerId): DhtLink | undefined
}

/** Our own attempt. */
export interface PendingDial {
  /** What came in instead, once it has. */
  readonly replacement: SecretStream | undefined
  end(): void
}

/** The peer's attempt. */
export interface Arrival {
  /** True when a dial has it. */
  readonly isTaken: boolean
  end(): void
}

/** Makes empty tables. The swarm bounds how many dials and arrivals there are. */
export function createEncounters(self: PeerId): Encounters {
  return new EncounterTables(self)
}

class EncounterTables implements Encounters {
  readonly #self: PeerId
  readonly #dialsByPeer = new Map<PeerId, Dial>()
  readonly #arrivalsByPeer = new Map<PeerId, LinkArrival>()

  constructor(self: PeerId) {
    this.#self = self
  }

  dialling(peerId: PeerId, giveUp: () => void): PendingDial {
    const dial: Dial = {
      replacement: undefined,
      giveUp,
      end: () => {
        if (this.#dialsByPeer.get(peerId) === dial) this.#dialsByPeer.delete(peerId)
      },
    }
    // Of two dials of one peer here, the later one is what a stream that comes in settles.
    this.#dialsByPeer.set(peerId, dial)
    return dial
  }

  settle(peerId: PeerId, stream: SecretStream): boolean {
    const dial = this.#dialsByPeer.get(peerId)
    if (!dial || dial.replacement) return false
    if (this.#self > peerId) stream.destroy()
    else {
      dial.replacement = stream
      dial.giveUp()
    }
    return true
  }

  arriving(link: DhtLink): Arrival {
    const arrival: LinkArrival = {
      link,
      isTaken: false,
      end: () => {
        if (this.#arrivalsByPeer.get(link.peerId) === arrival) {
          this.#arrivalsByPeer.delete(link.peerId)
        }
      },
    }
    this.#arrivalsByPeer.set(link.peerId, arrival)
    return arrival
  }

  take(peerId: PeerId): DhtLink | undefined {
    const arrival = this.#arrivalsByPeer.get(peerId)
    if (!arrival || arrival.isTaken) return undefined
    arrival.isTaken = true
    return arrival.link
  }
}

interface Dial extends PendingDial {
  replacement: SecretStream | undefined
  readonly giveUp: () => void
}

interface LinkArrival extends Arrival {
  isTaken: boolean
  readonly link: DhtLink
}
