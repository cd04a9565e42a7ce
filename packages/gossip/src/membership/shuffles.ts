import type { PeerId } from '@vudo/transport'
import { MAX_SHUFFLES_UNDER_WAY, SHUFFLE_ACTIVE, SHUFFLE_HOPS, SHUFFLE_PASSIVE } from '../limits.ts'
import { sampleOf, type PassiveView } from './passive-view.ts'
import type { OverlayEntry, OverlayMessage } from './wire.ts'

/** A link of the overlay as a shuffle sees it. */
export interface ShuffleLink extends OverlayEntry {
  /** True when both ends have agreed on it. */
  readonly isActive: boolean
}

/** What the shuffles of an overlay are made of. */
export interface ShufflesInit {
  readonly passive: PassiveView
  /** This node, with its addresses of now. */
  readonly self: () => OverlayEntry
  readonly links: () => readonly ShuffleLink[]
  readonly send: (to: PeerId, message: OverlayMessage) => void
  /** Takes a peer into the passive view; when there is no room, one of `expendable` goes. */
  readonly learn: (entry: OverlayEntry, expendable: readonly PeerId[]) => void
  /** From 0 to below 1. */
  readonly random: () => number
}

interface UnderWay {
  /** Whom to give the answer; undefined for a shuffle of our own. */
  readonly back?: PeerId
  /** What was sent in it, when it is our own. */
  readonly sent: readonly PeerId[]
}

/**
 * The exchange of views: short walks that bring peers to where they end, and others back the
 * same way, so that the passive views stay random samples of who is alive.
 */
export class Shuffles {
  readonly #init: ShufflesInit
  readonly #underWay = new Map<string, UnderWay>()

  constructor(init: ShufflesInit) {
    this.#init = init
  }

  /** Begins one, at a neighbour. */
  begin(): void {
    const { passive, random, self, send } = this.#init
    const [next] = sampleOf(this.#active(), 1, random)
    if (next === undefined) return
    const active = sampleOf(this.#init.links(), SHUFFLE_ACTIVE, random).filter(
      ({ peerId, isActive }) => isActive && peerId !== next,
    )
    const entries = [self(), ...active.map(entryOf), ...passive.sample(SHUFFLE_PASSIVE)]
    const id = this.#freshId()
    this.#remember(id, { sent: entries.map(({ peerId }) => peerId) })
    send(next, { type: 'shuffle', id, hops: SHUFFLE_HOPS, entries })
  }

  /** Passes one of others on, or ends it here and answers. */
  walk(from: PeerId, message: OverlayMessage & { readonly type: 'shuffle' }): void {
    const { random, send } = this.#init
    const { id, entries } = message
    const hops = Math.min(message.hops, SHUFFLE_HOPS)
    const origin = entries[0]?.peerId
    if (origin === undefined || this.#underWay.has(id)) return
    const others = this.#active().filter((peerId) => peerId !== from && peerId !== origin)
    const [next] = sampleOf(others, 1, random)
    if (hops > 1 && next !== undefined) {
      this.#remember(id, { back: from, sent: [] })
      send(next, { type: 'shuffle', id, hops: hops - 1, entries })
      return
    }
    const mine = this.#answerTo(origin, entries.length)
    send(from, { type: 'shuffle-answer', id, entries: mine })
    this.#learnAll(
      entries,
      mine.map(({ peerId }) => peerId),
    )
  }

  /** Takes an answer, or passes it on to where the walk came from. */
  answered(id: string, entries: readonly OverlayEntry[]): void {
    const { links, send } = this.#init
    const shuffle = this.#underWay.get(id)
    this.#underWay.delete(id)
    if (shuffle === undefined) return
    const { back, sent } = shuffle
    if (back === undefined) this.#learnAll(entries, sent)
    else if (links().some(({ peerId }) => peerId === back)) {
      send(back, { type: 'shuffle-answer', id, entries })
    }
  }

  #active(): readonly PeerId[] {
    const agreed = this.#init.links().filter(({ isActive }) => isActive)
    return agreed.map(({ peerId }) => peerId)
  }

  /** Passive peers, and neighbours while there are too few of those: a young overlay has hardly any. */
  #answerTo(origin: PeerId, count: number): readonly OverlayEntry[] {
    const { links, random } = this.#init
    const passive = this.#init.passive.sample(count)
    const linked = sampleOf(links(), count - passive.length, random).map(entryOf)
    return [...passive, ...linked].filter(({ peerId }) => peerId !== origin)
  }

  #remember(id: string, shuffle: UnderWay): void {
    this.#underWay.set(id, shuffle)
    if (this.#underWay.size <= MAX_SHUFFLES_UNDER_WAY) return
    const [oldest] = this.#underWay.keys()
    if (oldest !== undefined) this.#underWay.delete(oldest)
  }

  /** What was sent away makes room for what comes back: the exchange keeps both samples random. */
  #learnAll(entries: readonly OverlayEntry[], expendable: readonly PeerId[]): void {
    for (const entry of entries) this.#init.learn(entry, expendable)
  }

  #freshId(): string {
    let id = ''
    for (let i = 0; i < 8; i++) {
      id += Math.floor(this.#init.random() * 256)
        .toString(16)
        .padStart(2, '0')
    }
    return id
  }
}

function entryOf({ peerId, addresses }: ShuffleLink): OverlayEntry {
  return { peerId, addresses }
}
