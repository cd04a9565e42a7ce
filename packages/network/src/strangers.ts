/**
 * Connections that came in and have not proven a common database. They cost a place like
 * any other, and anybody who knows the topic can make them: so they get a quarter of the
 * places, and the oldest one goes when there are more.
 */
import type { Connection } from '@vudo/transport'
import { MIN_STRANGER_MS, STRANGER_SHARE } from './limits.ts'

/** One per network. */
export class Strangers {
  readonly #max: number
  /** All that ever came: who has proven a database and shares another topic later is no stranger again. */
  readonly #known = new WeakSet<Connection>()
  /** When each came; oldest first. */
  readonly #sinceMs = new Map<Connection, number>()

  /** @param maxConnections - Of the node, in all. */
  constructor(maxConnections: number) {
    this.#max = Math.ceil(maxConnections / STRANGER_SHARE)
  }

  /**
   * Takes one in; the first time only.
   *
   * @returns The one to close for it, when there are too many and it had its time.
   */
  add(connection: Connection, nowMs: number): Connection | undefined {
    if (this.#known.has(connection)) return undefined
    this.#known.add(connection)
    this.#sinceMs.set(connection, nowMs)
    if (this.#sinceMs.size <= this.#max) return undefined
    for (const [oldest, sinceMs] of this.#sinceMs) {
      if (nowMs - sinceMs < MIN_STRANGER_MS) return undefined
      this.#sinceMs.delete(oldest)
      return oldest
    }
    return undefined
  }

  /** It has proven a database, or has ended. No error when it was not here. */
  remove(connection: Connection): void {
    this.#sinceMs.delete(connection)
  }
}
