import type { Address, PeerId } from '@vudo/transport'
import { MAX_FAILED_DIALS, MAX_PASSIVE_PEERS, MAX_RETRY_MS, RETRY_MS } from '../limits.ts'
import type { OverlayEntry } from './wire.ts'

interface Known {
  addresses: readonly Address[]
  /** Dials that failed in a row. */
  failures: number
  /** Times in a row that it was asked without success. */
  tries: number
  /** Not asked again before this. */
  notBeforeMs: number
}

/** Peers of the database that could take a neighbour's place, and when to ask each again. */
export class PassiveView {
  readonly #known = new Map<PeerId, Known>()
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  get size(): number {
    return this.#known.size
  }

  get peers(): readonly PeerId[] {
    return [...this.#known.keys()]
  }

  /** Remembers a peer. When there is no room, one of `expendable` goes, or any. */
  add({ peerId, addresses }: OverlayEntry, expendable: readonly PeerId[] = []): void {
    const present = this.#known.get(peerId)
    if (present !== undefined) {
      // Who tells an address later is no more right; an empty list says nothing.
      if (present.addresses.length === 0) present.addresses = addresses
      return
    }
    if (this.#known.size >= MAX_PASSIVE_PEERS) this.#makeRoom(expendable)
    this.#known.set(peerId, { addresses, failures: 0, tries: 0, notBeforeMs: 0 })
  }

  remove(peerId: PeerId): void {
    this.#known.delete(peerId)
  }

  /** It was asked and said no, or did not answer: others first. */
  postpone(peerId: PeerId, nowMs: number): void {
    const known = this.#known.get(peerId)
    if (known === undefined) return
    known.notBeforeMs = nowMs + Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(known.tries, 16))
    known.tries += 1
  }

  /** It could not be reached; after some times it is forgotten. */
  failed(peerId: PeerId, nowMs: number): void {
    const known = this.#known.get(peerId)
    if (known === undefined) return
    known.failures += 1
    if (known.failures >= MAX_FAILED_DIALS) this.#known.delete(peerId)
    else this.postpone(peerId, nowMs)
  }

  /** One of those that may be asked now. */
  pick(nowMs: number, isFree: (peerId: PeerId) => boolean): OverlayEntry | undefined {
    const ready = [...this.#known].filter(
      ([peerId, { notBeforeMs }]) => notBeforeMs <= nowMs && isFree(peerId),
    )
    const chosen = ready[Math.floor(this.#random() * ready.length)]
    return chosen && { peerId: chosen[0], addresses: chosen[1].addresses }
  }

  /** Up to `count` of them, for a shuffle. */
  sample(count: number): readonly OverlayEntry[] {
    return sampleOf([...this.#known], count, this.#random).map(([peerId, { addresses }]) => ({
      peerId,
      addresses,
    }))
  }

  #makeRoom(expendable: readonly PeerId[]): void {
    const gone =
      expendable.find((peerId) => this.#known.has(peerId)) ??
      this.peers[Math.floor(this.#random() * this.#known.size)]
    if (gone !== undefined) this.#known.delete(gone)
  }
}

/** `count` of `items` in random order; all of them when there are fewer. */
export function sampleOf<Item>(
  items: readonly Item[],
  count: number,
  random: () => number,
): readonly Item[] {
  const pool = [...items]
  const length = Math.min(count, pool.length)
  for (let i = 0; i < length; i++) {
    const other = i + Math.floor(random() * (pool.length - i))
    const [a, b] = [pool[i], pool[other]]
    if (a === undefined || b === undefined) continue
    pool[i] = b
    pool[other] = a
  }
  return pool.slice(0, length)
}
