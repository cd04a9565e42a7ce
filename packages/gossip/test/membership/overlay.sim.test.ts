import {
  createRandom,
  noFaults,
  simulate,
  type ConnectionId,
  type NodeEnvironment,
  type SimulatedNode,
  type Simulation,
} from '@vudo/testing'
import { describe, expect, it } from 'vitest'
import { MAX_ACTIVE_PEERS } from '../../src/limits.ts'
import { Overlay, type OverlayEffect, type OverlayInput } from '../../src/membership/overlay.ts'
import { decodeOverlay, encodeOverlay } from '../../src/membership/wire.ts'

/** A node of the simulator around the shipped core: a connection is a session. */
class OverlayNode implements SimulatedNode {
  readonly overlay: Overlay
  readonly #env: NodeEnvironment
  readonly #peers = new Map<ConnectionId, string>()
  readonly #connections = new Map<string, ConnectionId>()

  constructor(env: NodeEnvironment, contact: string | undefined) {
    this.#env = env
    const { name: peerId } = env
    const init = {
      peerId,
      addresses: () => [`sim://${peerId.slice(0, 8)}`],
      activePeers: 10,
      isBanned: () => false,
      random: () => env.random.next(),
    }
    this.overlay = new Overlay(init, env.now())
    if (contact !== undefined) this.#dial(contact)
    this.#wake()
  }

  get sessions(): number {
    return this.#connections.size
  }

  connected(connection: ConnectionId, peerId: string, isOutbound: boolean): void {
    const present = this.#connections.get(peerId)
    if (present !== undefined && present !== connection) {
      // Both dialled: the connection of the one with the smaller name stays.
      const isKept = isOutbound === this.#env.name < peerId
      if (!isKept) return this.#env.close(connection)
      this.#peers.delete(present)
      this.#env.close(present)
      this.#connections.set(peerId, connection)
      this.#peers.set(connection, peerId)
      return
    }
    this.#connections.set(peerId, connection)
    this.#peers.set(connection, peerId)
    this.#feed({ type: 'linked', peerId, isOutbound })
  }

  received(connection: ConnectionId, bytes: Uint8Array): void {
    const from = this.#peers.get(connection)
    if (from !== undefined) this.#feed({ type: 'message', from, message: decodeOverlay(bytes) })
  }

  closed(connection: ConnectionId): void {
    const peerId = this.#peers.get(connection)
    this.#peers.delete(connection)
    if (peerId === undefined || this.#connections.get(peerId) !== connection) return
    this.#connections.delete(peerId)
    this.#feed({ type: 'unlinked', peerId })
  }

  timer(): void {
    this.#feed({ type: 'tick' })
  }

  #feed(input: OverlayInput): void {
    for (const effect of this.overlay.handle(input, this.#env.now())) this.#perform(effect)
    this.#wake()
  }

  #wake(): void {
    this.#env.setTimer('wake', Math.max(1, this.overlay.wakeAtMs - this.#env.now()))
  }

  #dial(peerId: string): void {
    const connection = this.#env.connect(peerId)
    this.#peers.set(connection, peerId)
    this.#connections.set(peerId, connection)
  }

  #perform(effect: OverlayEffect): void {
    if (effect.type === 'dial') {
      this.#dial(effect.entry.peerId)
    } else if (effect.type === 'send') {
      const connection = this.#connections.get(effect.to)
      if (connection !== undefined) this.#env.send(connection, encodeOverlay(effect.message))
    } else {
      const connection = this.#connections.get(effect.peerId)
      if (connection === undefined) return
      this.#connections.delete(effect.peerId)
      this.#peers.delete(connection)
      this.#env.close(connection)
    }
  }
}

/** Names are peer ids. */
function names(count: number, seed: number): string[] {
  const random = createRandom(seed)
  const hex = (): string => random.int(256).toString(16).padStart(2, '0')
  return Array.from({ length: count }, () => Array.from({ length: 32 }, hex).join(''))
}

function populate(simulation: Simulation, count: number): Map<string, OverlayNode> {
  const nodes = new Map<string, OverlayNode>()
  for (const [index, name] of names(count, simulation.seed).entries()) {
    const known = [...nodes.keys()]
    const contact = index === 0 ? undefined : simulation.random.pick(known)
    simulation.addNode(name, (env) => {
      const node = new OverlayNode(env, contact)
      nodes.set(name, node)
      return node
    })
    simulation.run({ forMs: 20 })
  }
  return nodes
}

/** How many nodes the first one reaches over neighbours. */
function reach(nodes: ReadonlyMap<string, OverlayNode>): number {
  const [first = ''] = nodes.keys()
  const seen = new Set([first])
  for (const name of seen) for (const peer of nodes.get(name)?.overlay.active ?? []) seen.add(peer)
  return seen.size
}

function loseSessions(
  simulation: Simulation,
  nodes: ReadonlyMap<string, OverlayNode>,
  share: number,
): void {
  const all = [...nodes].flatMap(([name, { overlay }]) =>
    overlay.active.filter((peer) => name < peer).map((peer) => [name, peer] as const),
  )
  for (const [a, b] of all) if (simulation.random.chance(share)) simulation.cutConnections(a, b)
}

describe('an overlay of many nodes', () => {
  it('stays connected while sessions are lost, and keeps few of them', () => {
    const figures: { reach: number; most: number; least: number }[] = []
    simulate({
      seeds: [1],
      stepLimit: 10_000_000,
      faults: { ...noFaults, delayMs: [1, 50] },
      run: (simulation) => {
        const nodes = populate(simulation, 300)
        simulation.run({ forMs: 30_000 })
        for (let second = 0; second < 30; second++) {
          loseSessions(simulation, nodes, 0.02 / 60)
          simulation.run({ forMs: 1_000 })
          const counts = [...nodes.values()].map(({ overlay }) => overlay.active.length)
          const most = Math.max(...[...nodes.values()].map(({ sessions }) => sessions))
          figures.push({ reach: reach(nodes), most, least: Math.min(...counts) })
        }
      },
    })
    expect(Math.min(...figures.map((figure) => figure.reach))).toBe(300)
    expect(Math.max(...figures.map((figure) => figure.most))).toBeLessThanOrEqual(MAX_ACTIVE_PEERS)
    expect(figures.at(-1)?.least).toBeGreaterThanOrEqual(8)
  })

  it('heals when a third of the nodes go at once', () => {
    simulate({
      seeds: [2],
      stepLimit: 10_000_000,
      faults: { ...noFaults, delayMs: [1, 50] },
      run: (simulation) => {
        const nodes = populate(simulation, 120)
        simulation.run({ forMs: 30_000 })
        for (const name of [...nodes.keys()].slice(40, 80)) {
          simulation.crash(name)
          nodes.delete(name)
        }
        simulation.run({ forMs: 60_000 })
        expect(reach(nodes)).toBe(80)
      },
    })
  })

  it('gives the same run for the same seed', () => {
    const hashes = [1, 2].map(() => {
      let hash = ''
      simulate({
        seeds: [3],
        run: (simulation) => {
          populate(simulation, 20)
          simulation.run({ forMs: 5_000 })
          hash = simulation.traceHash()
        },
      })
      return hash
    })
    expect(hashes[0]).toBe(hashes[1])
  })
})
