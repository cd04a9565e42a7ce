/** Dials whom the queue names, and has its one timer. What to dial when is in `dial-queue.ts`. */
import type { Address, PeerId } from '@vudo/transport'
import { Alarm } from './alarm.ts'
import { DialQueue, type DialQueueInit, type QueueInput, type Target } from './dial-queue.ts'

export type { Target } from './dial-queue.ts'

/** What it needs. */
export interface RedialInit extends DialQueueInit {
  /** Dials and shakes hands, after so many failures in a row; rejects when it failed. */
  readonly dial: (target: Target, failures: number) => Promise<unknown>
  /** Monotonic, in milliseconds. */
  readonly now: () => number
}

/** Dials what is wanted and not connected. */
export class Redial {
  readonly #queue: DialQueue
  readonly #init: RedialInit
  readonly #alarm: Alarm

  constructor(init: RedialInit) {
    this.#init = init
    this.#queue = new DialQueue(init)
    this.#alarm = new Alarm(init.now, () => this.#apply({ type: 'timer' }))
  }

  /** Wants `target` for a database, unless enough others are. `isNews` forgets earlier failures. */
  want(target: PeerId, reason: string, isNews: boolean): void {
    this.#apply({ type: 'want', target, reason, isNews })
  }

  /** Wants a bootstrap node for as long as this lives. */
  wantAlways(target: Address): void {
    this.#apply({ type: 'want-always', target })
  }

  /** A database was left. */
  unwant(reason: string): void {
    this.#apply({ type: 'unwant', reason })
  }

  /** The target is not to be dialled until it is wanted again. */
  forget(target: Target): void {
    this.#apply({ type: 'forget', target })
  }

  /** The connection to a target is gone, or a session ended: dials again after a pause. */
  lost(target: Target, pauseMs: number): void {
    this.#apply({ type: 'lost', target, pauseMs })
  }

  /** The connection of a session is gone. */
  interrupted(target: PeerId): void {
    this.#apply({ type: 'interrupted', target })
  }

  /** The target is connected. */
  connected(target: Target): void {
    this.#apply({ type: 'connected', target })
  }

  /** This node has woken up, or is in another network. */
  reset(): void {
    this.#apply({ type: 'reset' })
  }

  /** Dials no more. */
  stop(): void {
    this.#apply({ type: 'stop' })
  }

  #apply(input: QueueInput): void {
    // Owned: `#dial` never rejects.
    for (const target of this.#queue.handle(input, this.#init.now())) void this.#dial(target)
    this.#alarm.set(this.#queue.wakeAtMs)
  }

  async #dial(target: Target): Promise<void> {
    let isOk = true
    try {
      await this.#init.dial(target, this.#queue.failures(target))
    } catch {
      // Whoever wants to know listens to `dial:ended`; here a failure means to wait.
      isOk = false
    }
    this.#apply({ type: 'dialled', target, isOk })
  }
}
