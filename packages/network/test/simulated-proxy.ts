/** A node of the simulator between two others. */
import type { ConnectionId, NodeEnvironment, SimulatedNode } from '@vudo/testing'

/** What a test does to a proxy. */
export interface ProxySwitch {
  /** True while it forwards nothing, although its connections stay: what it swallows is gone. */
  isMute: boolean
}

/**
 * Stands between two nodes as a transport of its own. A connection of which it has
 * swallowed something stays silent for ever, because connections lose nothing.
 */
export class SimulatedProxy implements SimulatedNode {
  readonly #env: NodeEnvironment
  readonly #ends: readonly [string, string]
  readonly #gate: ProxySwitch
  readonly #far = new Map<ConnectionId, ConnectionId>()
  /** What came before the far connection was open. */
  readonly #early = new Map<ConnectionId, Uint8Array[]>()
  readonly #dead = new Set<ConnectionId>()

  constructor(env: NodeEnvironment, ends: readonly [string, string], gate: ProxySwitch) {
    this.#env = env
    this.#ends = ends
    this.#gate = gate
  }

  connected(connection: ConnectionId, peerName: string, isOutbound: boolean): void {
    if (isOutbound) {
      const waiting = this.#early.get(connection) ?? []
      this.#early.delete(connection)
      for (const bytes of waiting) this.#env.send(connection, bytes)
      return
    }
    const far = this.#env.connect(peerName === this.#ends[0] ? this.#ends[1] : this.#ends[0])
    this.#far.set(connection, far)
    this.#far.set(far, connection)
    this.#early.set(far, [])
  }

  received(connection: ConnectionId, bytes: Uint8Array): void {
    const far = this.#far.get(connection)
    if (far === undefined) return
    if (this.#gate.isMute) this.#dead.add(connection).add(far)
    if (this.#dead.has(connection)) return
    const waiting = this.#early.get(far)
    if (waiting === undefined) this.#env.send(far, bytes)
    else waiting.push(bytes)
  }

  closed(connection: ConnectionId): void {
    const far = this.#far.get(connection)
    this.#far.delete(connection)
    if (far === undefined) return
    this.#far.delete(far)
    this.#early.delete(far)
    this.#env.close(far)
  }

  timer(): void {
    // It sets none.
  }
}
