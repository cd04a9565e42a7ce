import type { ConnectOptions, Connection, Topic, Transport } from '@vudo/transport'

/** A topic that a peer has joined, and every connection it was given there. */
export interface Joined {
  readonly connections: readonly Connection[]
  /** What the iteration failed with, when it did. */
  readonly error: unknown
  readonly hasEnded: boolean
  /** Leaves the topic. Settles when the iteration has ended. */
  leave(): Promise<void>
}

/** Joins `topic` and collects until it is left. */
export function join(transport: Transport, topic: Topic, options: ConnectOptions = {}): Joined {
  const leaving = new AbortController()
  const connections: Connection[] = []
  const state = { error: undefined as unknown, hasEnded: false }
  const collect = async (): Promise<void> => {
    try {
      const signal = leaving.signal
      for await (const connection of transport.connect(topic, { ...options, signal })) {
        connections.push(connection)
      }
    } catch (error) {
      // The reason of our own abort is how an iteration ends on purpose.
      if (error !== leaving.signal.reason) state.error = error
    } finally {
      state.hasEnded = true
    }
  }
  const collecting = collect()
  return {
    connections,
    get error() {
      return state.error
    },
    get hasEnded() {
      return state.hasEnded
    },
    async leave() {
      leaving.abort()
      await collecting
    },
  }
}
