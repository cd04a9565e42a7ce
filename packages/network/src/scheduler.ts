/**
 * Which channel may send next: the critical ones always first, the others in turn
 * with 4 : 2 : 1 parts of the bytes. Start-time fair queueing (Goyal, Vin and Cheng,
 * 1996) over three classes: each class has a virtual time that grows by the bytes
 * it sent over its weight, and the class that is furthest behind goes next. Within
 * a class the channels take turns frame by frame.
 */
import type { PriorityNumber } from './wire.ts'

/** What the scheduler has to know about a channel. */
export interface Schedulable {
  readonly priority: PriorityNumber
  /** True when it has a frame that may be sent now. */
  readonly isReady: boolean
  /** Set while it stands in the queue; belongs to the scheduler. */
  isQueued: boolean
}

/** Weight of high, normal and low; critical does not share. */
const weights: readonly number[] = [Infinity, 4, 2, 1]

/** Chooses the next channel. One per session. */
export class Scheduler<Item extends Schedulable> {
  readonly #queues: readonly Item[][] = [[], [], [], []]
  readonly #virtualTimes = [0, 0, 0, 0]
  /** The virtual time of the class that was served last: who was idle does not catch up. */
  #clock = 0

  /** Puts a channel into the queue when it has something to send and is not there yet. */
  wake(item: Item): void {
    if (item.isQueued || !item.isReady) return
    const queue = this.#queues[item.priority]
    if (queue === undefined) return
    if (queue.length === 0) {
      this.#virtualTimes[item.priority] = Math.max(
        this.#virtualTimes[item.priority] ?? 0,
        this.#clock,
      )
    }
    item.isQueued = true
    queue.push(item)
  }

  /** Takes the next channel out of the queue; the caller takes one frame of it and tells {@link charge}. */
  next(): Item | undefined {
    for (;;) {
      const queue = this.#queues[this.#nextClass()]
      const item = queue?.shift()
      if (item === undefined) return undefined
      item.isQueued = false
      // It may have lost its frames since: reset, or sent again after a resume.
      if (item.isReady) return item
    }
  }

  /** Accounts for what `item` sent, and lets it stand in line again. */
  charge(item: Item, bytes: number): void {
    const time = this.#virtualTimes[item.priority] ?? 0
    if (item.priority !== 0) this.#clock = time
    this.#virtualTimes[item.priority] = time + bytes / (weights[item.priority] ?? 1)
    this.wake(item)
  }

  #nextClass(): number {
    if ((this.#queues[0]?.length ?? 0) > 0) return 0
    let best = 1
    let bestTime = Infinity
    for (let priority = 1; priority <= 3; priority++) {
      const time = this.#virtualTimes[priority] ?? 0
      if ((this.#queues[priority]?.length ?? 0) === 0 || time >= bestTime) continue
      best = priority
      bestTime = time
    }
    return best
  }
}
