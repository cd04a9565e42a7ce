import type { Connection, PeerInfo } from '@vudo/transport'
import type { SwarmConnection } from './swarm-connection.ts'

/** One `for await` over the connections of a topic. */
export interface TopicIteration extends AsyncIterator<Connection, undefined> {
  /** Whom this iteration wants dialled; `undefined` for everybody. */
  readonly admit: ((peer: PeerInfo) => boolean) | undefined
  /** Delivers a connection, each once. Waiting ones are at most as many as there are connections. */
  push(connection: SwarmConnection): void
  /** Ends it: at once, or with an error for whoever waits or comes next. */
  end(error?: unknown): void
}

/** Makes an iteration; `onLeave` is called once, when it has ended, whoever ended it. */
export function createTopicIteration(
  admit: TopicIteration['admit'],
  onLeave: (iteration: TopicIteration) => void,
): TopicIteration {
  return new Iteration(admit, onLeave)
}

type Result = IteratorResult<Connection, undefined>
const done: Result = { done: true, value: undefined }

interface Waiter {
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

class Iteration implements TopicIteration {
  readonly admit: TopicIteration['admit']
  readonly #onLeave: (iteration: TopicIteration) => void
  readonly #seen = new WeakSet<SwarmConnection>()
  #waiting: SwarmConnection[] = []
  #waiters: Waiter[] = []
  #hasEnded = false
  #error: unknown

  constructor(admit: TopicIteration['admit'], onLeave: (iteration: TopicIteration) => void) {
    this.admit = admit
    this.#onLeave = onLeave
  }

  push(connection: SwarmConnection): void {
    if (this.#hasEnded || this.#seen.has(connection)) return
    this.#seen.add(connection)
    const waiter = this.#waiters.shift()
    if (waiter) return waiter.resolve({ done: false, value: connection })
    // Those that ended before anybody took them make room.
    this.#waiting = this.#waiting.filter(({ isOpen }) => isOpen)
    this.#waiting.push(connection)
  }

  end(error?: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#waiting = []
    const waiters = this.#waiters
    this.#waiters = []
    // Without anybody waiting the error is for the next call.
    if (waiters.length === 0) this.#error = error
    for (const { resolve, reject } of waiters) {
      if (error !== undefined) reject(error)
      else resolve(done)
    }
    this.#onLeave(this)
  }

  next(): Promise<Result> {
    let connection = this.#waiting.shift()
    while (connection && !connection.isOpen) connection = this.#waiting.shift()
    if (connection) return Promise.resolve({ done: false, value: connection })
    if (this.#hasEnded) return this.#afterEnd()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
    })
  }

  #afterEnd(): Promise<Result> {
    const error = this.#error
    this.#error = undefined
    return new Promise((resolve, reject) => {
      if (error === undefined) resolve(done)
      else reject(error)
    })
  }

  return(): Promise<Result> {
    this.end()
    return Promise.resolve(done)
  }
}
