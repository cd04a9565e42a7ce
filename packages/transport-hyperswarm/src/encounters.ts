import type { SecretStream } from 'hyperdht'
import type { PeerId } from '@vudo/transport'
import type { DhtLink } from './dht-link.ts'

/**
 * Peers with whom something is under way, so that two ends that dial each other get one connection
 * out of it:
 *
 * - A stream that comes in from a peer that we dial is the dial's to judge.
 * - A dial to a peer whose streams have come in and have not greeted yet begins with those.
 */
export interface Encounters {
  /** @param take - Takes over, or ends, a stream that came in from the peer; false when it does neither. */
  dialling(peerId: PeerId, take: (stream: SecretStream) => boolean): PendingDial
  /** Hands a stream that came in to the dial of its peer; false when there is none that takes it. */
  settle(peerId: PeerId, stream: SecretStream): boolean
  /** A link came in that has not greeted yet. */
  arriving(link: DhtLink): Arrival
  /** The links of a peer that are arriving, for a dial; they are nobody else's then. */
  take(peerId: PeerId): DhtLink[]
}

/** Our own attempt. */
export interface PendingDial {
  end(): void
}

/** The peer's attempt. */
export interface Arrival {
  /** True when a dial has it. */
  readonly isTaken: boolean
  end(): void
}

/** Makes empty tables. The swarm bounds how many dials and arrivals there are. */
export function createEncounters(): Encounters {
  return new EncounterTables()
}

class EncounterTables implements Encounters {
  readonly #dialsByPeer = new Map<PeerId, Dial>()
  /** The library may hand up one dial of a peer twice, and only one of the streams lives: all count. */
  readonly #arrivals = new Set<LinkArrival>()

  dialling(peerId: PeerId, take: (stream: SecretStream) => boolean): PendingDial {
    const dial: Dial = {
      take,
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
    return dial?.take(stream) ?? false
  }

  arriving(link: DhtLink): Arrival {
    const arrival: LinkArrival = {
      link,
      isTaken: false,
      end: () => void this.#arrivals.delete(arrival),
    }
    this.#arrivals.add(arrival)
    return arrival
  }

  take(peerId: PeerId): DhtLink[] {
    const taken = [...this.#arrivals].filter((one) => one.link.peerId === peerId && !one.isTaken)
    for (const arrival of taken) arrival.isTaken = true
    return taken.map(({ link }) => link)
  }
}

interface Dial extends PendingDial {
  readonly take: (stream: SecretStream) => boolean
}

interface LinkArrival extends Arrival {
  isTaken: boolean
  readonly link: DhtLink
}
