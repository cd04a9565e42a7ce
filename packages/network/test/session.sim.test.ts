import { simulate, type Simulation } from '@vudo/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ChannelState } from '../src/channel-state.ts'
import { SimulatedBooks } from './simulated-books.ts'
import { SessionNode } from './simulated-node.ts'
import { SimulatedProxy, type ProxySwitch } from './simulated-proxy.ts'

const ids = { a: 'a'.repeat(64), b: 'b'.repeat(64) }
const transports = ['tcp', 'libp2p', 'relay'] as const

interface Scene {
  readonly books: SimulatedBooks
  readonly gates: readonly ProxySwitch[]
}

/** Two nodes and three transports between them, each a proxy that may fall silent or lose power. */
function scene(simulation: Simulation): Scene {
  const books = new SimulatedBooks()
  const gates = transports.map((name) => {
    const gate: ProxySwitch = { isMute: false }
    simulation.addNode(name, (env) => new SimulatedProxy(env, ['a', 'b'], gate))
    return gate
  })
  for (const [name, far] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const others = Object.fromEntries(transports.map((transport) => [transport, ids[far]]))
    simulation.addNode(name, (env) => {
      return new SessionNode({ env, peerId: ids[name], others, books, dials: transports })
    })
  }
  simulation.invariant('once and in order', () => books.mistakes[0])
  return { books, gates }
}

/** Transports fall silent one after the other, sometimes two at a time, and come back for new connections. */
function muteByTurns(
  simulation: Simulation,
  gates: readonly ProxySwitch[],
  untilMs: number,
): number {
  let mutes = 0
  for (let atMs = 300; atMs < untilMs; atMs += 350) {
    const gate = simulation.random.pick(gates)
    mutes += 1
    simulation.schedule(atMs, () => (gate.isMute = true))
    simulation.schedule(atMs + 100 + simulation.random.int(800), () => (gate.isMute = false))
  }
  return mutes
}

describe('sessions over three transports, under cuts, crashes, partitions and silence', () => {
  it('deliver every message once and in order, or end', () => {
    const sums = { resumed: 0, joined: 0, changes: 0, received: 0, mutes: 0 }
    const summary = simulate({
      seeds: 20,
      faults: { cutRate: 0.003, crashRate: 0.0002 },
      run: (simulation) => {
        const { books, gates } = scene(simulation)
        sums.mutes += muteByTurns(simulation, gates, 4_000)
        simulation.run({ forMs: 4_000 })
        simulation.calm()
        for (const gate of gates) gate.isMute = false
        const before = new Set(books.seenEnd)
        const isDone = (): boolean =>
          [...books.seenEnd].filter((end) => !before.has(end)).length >= 4
        simulation.run({ until: isDone, what: 'channels to end', withinMs: 60_000 })
        sums.resumed += books.resumed
        sums.joined += books.joined
        sums.changes += books.changes
        for (const count of books.received.values()) sums.received += count
      },
    })
    expect(summary.faultCounts.crash).toBeGreaterThan(5)
    expect(summary.faultCounts.cut).toBeGreaterThan(50)
    expect(sums.mutes).toBeGreaterThan(50)
    expect(sums.joined).toBeGreaterThan(100)
    expect(sums.changes).toBeGreaterThan(100)
    expect(sums.received).toBeGreaterThan(1_000)
  })

  it('gives the same run for the same seed', () => {
    const hashes = [0, 1].map(() => {
      let hash = ''
      simulate({
        seeds: [7],
        run: (simulation) => {
          const { gates } = scene(simulation)
          muteByTurns(simulation, gates, 1_000)
          simulation.run({ forMs: 1_000 })
          hash = simulation.traceHash()
        },
      })
      return hash
    })
    expect(hashes[0]).toBe(hashes[1])
  })
})

/** Runs until a planted mistake shows, and gives what the simulator says about it. */
function failureOf(seeds: number): string {
  try {
    simulate({
      seeds,
      faults: { cutRate: 0.003, crashRate: 0 },
      run: (simulation) => {
        const { books, gates } = scene(simulation)
        muteByTurns(simulation, gates, 2_000)
        simulation.run({ forMs: 2_000 })
        simulation.calm()
        for (const gate of gates) gate.isMute = false
        const ends = books.seenEnd.size
        const isDone = (): boolean => books.seenEnd.size >= ends + 4
        simulation.run({ until: isDone, what: 'channels to end', withinMs: 60_000 })
      },
    })
    return 'nothing was found'
  } catch (error) {
    return String(error)
  }
}

describe('the simulator finds a planted mistake and prints its seed', () => {
  afterEach(() => void vi.restoreAllMocks())

  it('in a core that sends nothing again', () => {
    vi.spyOn(ChannelState.prototype, 'recall').mockReturnValue(false)
    expect(failureOf(5)).toMatch(/seed \d+, steps \d+.*channels to end/s)
  })

  it('in a core that delivers what comes early', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its own channel below
    const { receive } = ChannelState.prototype
    vi.spyOn(ChannelState.prototype, 'receive').mockImplementation(function (
      this: ChannelState,
      frame,
    ) {
      const isWhole = 'payload' in frame && !frame.hasMore && this.id !== 0
      const messages = receive.call(this, frame)
      if (!isWhole || messages.length > 0) return messages
      return [{ bytes: frame.payload, cost: 0 }]
    })
    expect(failureOf(5)).toMatch(/seed \d+, steps \d+.*once and in order/s)
  })
})
