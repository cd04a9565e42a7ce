/**
 * Which channel may send next: the critical ones always first, the others in turn
 * with 4 : 2 : 1 parts of the bytes. Start-time fair queueing (Goyal, Vin and Cheng,
 * 1996) over three classes: each class has a virtual time that grows by the bytes
 * it sent over its weight, and the class that is furthest behind goes next. Within
 * a class the channels take turns frame by frame.
 */
import type { PriorityNumber } from './wire.ts'

/** What the scheduler has to know about a channel. */
export interface Schedulable<Item = unknown> {
  readonly priority: PriorityNumber
  /** True when it has a frame that may be sent now. */
  readonly isReady: boolean
  /** Set while it stands in the queue; belongs to the scheduler. */
  isQueued: boolean
  /** Who stands behind it in the queue; belongs to the scheduler. */
  following: Item | undefined
}

/** Who waits in one class. A chain and no array: an array that empties over and over is allocated over and over. */
interface Queue<Item> {
  first: Item | undefined
  last: Item | undefined
}

/** Weight of high, normal and low; critical does not share. */
const weights: readonly number[] = [Infinity, 4, 2, 1]

/** Chooses the next channel. One per session, whichever paths it has. */
export class Scheduler<Item extends Schedulable<Item>> {
  readonly #queues: readonly Queue<Item>[] = weights.map(() => ({
    first: undefined,
    last: undefined,
  }))
  readonly #virtualTimes = [0, 0, 0, 0]
  /** The virtual time of the class that was served last: who was idle does not catch up. */
  #clock = 0

  /** Puts a channel into the queue when it has something to send and is not there yet. */
  wake(item: Item): void {
    if (item.isQueued || !item.isReady) return
    const queue = this.#queues[item.priority]
    if (queue === undefined) return
    if (queue.first === undefined) {
      this.#virtualTimes[item.priority] = Math.max(
        this.#virtualTimes[item.priority] ?? 0,
        this.#clock,
      )
    }
    item.isQueued = true
    if (queue.last === undefined) queue.first = item
    else queue.last.following = item
    queue.last = item
  }

  /**
   * Takes the next channel out of the queue; the caller takes one frame of it and tells
   * {@link charge}, or gives it back with {@link putBack}.
   *
   * @param least - Only priorities from here
   * @param most - to here: paths may carry different ones.
   */
  next(least: PriorityNumber = 0, most: PriorityNumber = 3): Item | undefined {
    for (;;) {
      const queue = this.#queues[this.#nextClass(least, most)]
      const item = queue?.first
      if (queue === undefined || item === undefined) return undefined
      queue.first = item.following
      if (queue.first === undefined) queue.last = undefined
      item.following = undefined
      item.isQueued = false
      // It may have lost its frames since: reset, or sent again after a resume.
      if (item.isReady) return item
    }
  }

  /** Nothing of `item` could be sent: it stays first in line. */
  putBack(item: Item): void {
    const queue = this.#queues[item.priority]
    if (queue === undefined || item.isQueued) return
    item.isQueued = true
    item.following = queue.first
    queue.first = item
    queue.last ??= item
  }

  /** Accounts for what `item` sent, and lets it stand in line again. */
  charge(item: Item, bytes: number): void {
    const time = this.#virtualTimes[item.priority] ?? 0
    if (item.priority !== 0) this.#clock = time
    this.#virtualTimes[item.priority] = time + bytes / (weights[item.priority] ?? 1)
    this.wake(item)
  }

  #nextClass(least: number, most: number): number {
    if (least === 0 && this.#queues[0]?.first !== undefined) return 0
    let best = -1
    let bestTime = Infinity
    for (let priority = Math.max(1, least); priority <= most; priority++) {
      const time = this.#virtualTimes[priority] ?? 0
      if (this.#queues[priority]?.first === undefined || time >= bestTime) continue
      best = priority
      bestTime = time
    }
    return best
  }
}
