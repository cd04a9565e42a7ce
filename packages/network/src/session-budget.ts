/** What the node's bandwidth budget means for the channels of one session. */
import type { BandwidthBudget } from './bandwidth-budget.ts'
import type { PriorityNumber } from './wire.ts'

/** What it does with channels, by their number; one that is over is ignored. */
export interface BudgetedChannels {
  /** There may be room again. */
  drain(id: number): void
  /** The reader has taken so much: the peer may send as much more. */
  confirm(id: number, cost: number): void
}

/** One per session. */
export class SessionBudget {
  readonly #budget: BandwidthBudget
  readonly #channels: BudgetedChannels
  /** Writers that wait, by channel. */
  readonly #writers = new Map<number, () => void>()
  /** Readers whose credit waits, and how much of it. */
  readonly #readers = new Map<number, { cost: number; readonly onOpen: () => void }>()

  constructor(budget: BandwidthBudget, channels: BudgetedChannels) {
    this.#budget = budget
    this.#channels = channels
  }

  /** True when a channel has to wait; it is told by `drain`. */
  holdsBack(id: number, priority: PriorityNumber): boolean {
    if (!this.#budget.isHeldBack(priority)) return false
    if (this.#writers.has(id)) return true
    const onOpen = (): void => {
      this.#writers.delete(id)
      this.#channels.drain(id)
    }
    this.#writers.set(id, onOpen)
    this.#budget.whenOpen(onOpen)
    return true
  }

  /** So many bytes go out. */
  sent(bytes: number): void {
    this.#budget.charge(bytes)
  }

  /** A reader has taken so much. Its credit goes to the peer at once, or when the budget allows: that slows the peer down. */
  received(id: number, priority: PriorityNumber, cost: number): void {
    this.#budget.charge(cost)
    const waiting = this.#readers.get(id)
    if (waiting !== undefined) {
      waiting.cost += cost
      return
    }
    if (!this.#budget.isHeldBack(priority)) return this.#channels.confirm(id, cost)
    const reader = {
      cost,
      onOpen: () => {
        this.#readers.delete(id)
        this.#channels.confirm(id, reader.cost)
      },
    }
    this.#readers.set(id, reader)
    this.#budget.whenOpen(reader.onOpen)
  }

  /** The session is over: nothing waits any more. */
  close(): void {
    for (const onOpen of this.#writers.values()) this.#budget.forget(onOpen)
    for (const { onOpen } of this.#readers.values()) this.#budget.forget(onOpen)
    this.#writers.clear()
    this.#readers.clear()
  }
}
