import type { Address, PeerId } from '@vudo/transport'
import {
  createDialSchedule,
  type Candidate,
  type DialJob,
  type DialSchedule,
} from './dial-schedule.ts'
import { MAX_PARALLEL_DIALS } from './limits.ts'
import type { Runtime } from './runtime.ts'
import type { SwarmConnection } from './swarm-connection.ts'
import type { Tasks } from './tasks.ts'

/** Dials whom the schedule says, when it says so. */
export interface DialDriver {
  offer(candidate: Candidate, topic: string): void
  leave(topic: string): void
  connected(id: PeerId): void
  settled(id: PeerId): void
  lost(id: PeerId, isWanted: boolean): void
  close(): void
}

/** What a driver needs. */
export interface DialDriverInit {
  readonly self: PeerId
  readonly runtime: Runtime
  readonly hasPeer: (id: PeerId) => boolean
  readonly dial: (address: Address, expected: PeerId | undefined) => Promise<SwarmConnection>
  readonly tasks: Tasks
  /** How long the end with the larger peer id waits for the other; the schedule's own when left out. */
  readonly tieDelayMs?: number | undefined
}

/** Makes a driver with an empty schedule. */
export function createDialDriver(init: DialDriverInit): DialDriver {
  return new TimedDials(init)
}

class TimedDials implements DialDriver {
  readonly #init: DialDriverInit
  readonly #schedule: DialSchedule
  #running = 0
  #isClosed = false
  #cancelTimer: (() => void) | undefined

  constructor(init: DialDriverInit) {
    this.#init = init
    this.#schedule = createDialSchedule(init.self, () => init.runtime.random(), init.tieDelayMs)
  }

  offer(candidate: Candidate, topic: string): void {
    this.#schedule.offer(candidate, topic, this.#init.runtime.nowMs())
    this.#work()
  }

  leave(topic: string): void {
    this.#schedule.leave(topic)
    this.#work()
  }

  connected(id: PeerId): void {
    this.#schedule.connected(id)
    this.#work()
  }

  settled(id: PeerId): void {
    this.#schedule.settled(id)
  }

  lost(id: PeerId, isWanted: boolean): void {
    this.#schedule.lost(id, isWanted, this.#init.runtime.nowMs())
    this.#work()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
  }

  /** Begins what is due, and sets the timer for what is next. */
  readonly #work = (): void => {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#isClosed) return
    const nowMs = this.#init.runtime.nowMs()
    while (this.#running < MAX_PARALLEL_DIALS) {
      const job = this.#schedule.take(nowMs)
      if (!job) break
      this.#begin(job)
    }
    const dueMs = this.#running < MAX_PARALLEL_DIALS ? this.#schedule.nextDueMs() : undefined
    if (dueMs === undefined) return
    this.#cancelTimer = this.#init.runtime.setTimer(Math.max(0, dueMs - nowMs), this.#work)
  }

  #begin(job: DialJob): void {
    if (job.id !== undefined && this.#init.hasPeer(job.id)) {
      return this.#schedule.connected(job.id, job.key)
    }
    this.#running += 1
    this.#init.tasks.add(this.#dial(job))
  }

  async #dial({ key, id, address }: DialJob): Promise<void> {
    try {
      const { peerId, isOpen } = await this.#init.dial(address, id)
      // It may have ended already, and `lost` been told.
      if (isOpen) this.#schedule.connected(peerId, key)
      else this.#schedule.failed(key, this.#init.runtime.nowMs())
    } catch {
      // Whom we cannot reach we try again later: that is what the schedule is for.
      this.#schedule.failed(key, this.#init.runtime.nowMs())
    } finally {
      this.#running -= 1
      this.#work()
    }
  }
}
