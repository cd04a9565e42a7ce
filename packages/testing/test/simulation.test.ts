import { describe, expect, it } from 'vitest'
import {
  createSimulation,
  noFaults,
  type NodeEnvironment,
  type SimulatedNode,
  type Simulation,
} from '@vudo/testing'
import { runLogs } from './replicated-log.ts'

/** A node that writes down what happens to it. */
interface Recorder extends SimulatedNode {
  readonly env: NodeEnvironment
  readonly seen: string[]
}

function record(env: NodeEnvironment): Recorder {
  const seen: string[] = []
  const note = (line: string): void => void seen.push(line)
  return {
    env,
    seen,
    connected: (_id, peer, isOutbound) => note(`connected ${peer} ${isOutbound}`),
    received: (_id, bytes) => note(`received ${bytes.join()}`),
    closed: () => note('closed'),
    timer: (name) => note(`timer ${name} at ${env.now()}`),
    diskSynced: (token) => note(`synced ${token}`),
  }
}

const key = Uint8Array.of(1)
const put = [{ type: 'put', key, value: key }] as const

interface Scene {
  readonly simulation: Simulation
  /** The present life of a node. */
  readonly node: (name: string) => Recorder
}

function createScene(names: readonly string[] = ['a', 'b'], seed = 1): Scene {
  const simulation = createSimulation({ seed, faults: noFaults })
  const lives = new Map<string, Recorder>()
  for (const name of names) {
    simulation.addNode(name, (env) => {
      const node = record(env)
      lives.set(name, node)
      return node
    })
  }
  return { simulation, node: (name) => lives.get(name)! }
}

/** A scene in which `a` has a connection to `b`. */
function createConnectedScene(): Scene & { readonly connection: number } {
  const scene = createScene()
  const connection = scene.node('a').env.connect('b')
  scene.simulation.run({ untilQuiet: true })
  return { ...scene, connection }
}

function hashOf(seed: number): string {
  const simulation = createSimulation({ seed })
  runLogs(simulation, 'none')
  return simulation.traceHash()
}

/** Whether a record is still there after a crash. */
function survives(seed: number, isSynced: boolean): boolean {
  const { simulation, node } = createScene(['a'], seed)
  node('a').env.disk.append(put)
  node('a').env.syncDisk(1)
  if (isSynced) simulation.run({ until: () => node('a').seen.includes('synced 1') })
  simulation.crash('a')
  simulation.calm()
  return node('a').env.disk.get(key) !== undefined
}

describe('a simulation', () => {
  it('does the same for the same seed, and something else for another', () => {
    expect(hashOf(5)).toBe(hashOf(5))
    expect(new Set([1, 2, 3, 4, 5].map(hashOf)).size).toBe(5)
  })

  it('runs exactly as long as asked, without waiting', () => {
    const { simulation, node } = createScene()
    node('a').env.setTimer('late', 1_001)
    simulation.run({ forMs: 1_000 })
    expect(simulation.nowMs).toBe(1_000)
    expect(node('a').seen).toEqual([])
    simulation.run({ forMs: 1 })
    expect(node('a').seen).toEqual(['timer late at 1001'])
  })

  it('replaces and clears timers', () => {
    const { simulation, node } = createScene()
    const { env, seen } = node('a')
    env.setTimer('x', 10)
    env.setTimer('x', 20)
    env.setTimer('y', 10)
    env.clearTimer('y')
    simulation.run({ untilQuiet: true })
    expect(seen).toEqual(['timer x at 20'])
    expect(() => env.setTimer('x', Number.NaN)).toThrow(RangeError)
  })

  it('checks invariants after every step', () => {
    const { simulation, node } = createScene()
    simulation.invariant('silence', () => (node('a').seen.length > 0 ? 'a has heard x' : undefined))
    node('a').env.setTimer('x', 10)
    expect(() => simulation.run({ forMs: 100 })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVARIANT_BROKEN',
        what: 'invariant "silence" is broken: a has heard x',
        state: expect.objectContaining({ seed: 1, safetySteps: 1 }),
      }),
    )
  })

  it('says so when a goal is not reached', () => {
    const { simulation } = createScene()
    const notReached = expect.objectContaining({ code: 'ERR_NOT_REACHED' })
    expect(() => simulation.run({ until: () => false })).toThrow(notReached)
    expect(() => simulation.run({ until: () => false })).toThrow('nothing is under way')
  })

  it('refuses a bad seed, a bad limit, a taken and an unknown name', () => {
    const { simulation, node } = createScene()
    expect(() => createSimulation({ seed: -1 })).toThrow(RangeError)
    expect(() => createSimulation({ seed: 1, stepLimit: 0.5 })).toThrow(RangeError)
    expect(() => simulation.addNode('a', record)).toThrow(RangeError)
    expect(() => simulation.crash('nobody')).toThrow(RangeError)
    expect(() => simulation.partition([['nobody']])).toThrow(RangeError)
    expect(() => node('a').env.connect('a')).toThrow(RangeError)
    node('a').env.connect('nobody')
    expect(() => simulation.run({ untilQuiet: true })).toThrow('no node has that name')
  })
})

describe('a connection', () => {
  it('carries messages in order', () => {
    const { simulation, node, connection } = createConnectedScene()
    for (let n = 0; n < 20; n++) node('a').env.send(connection, Uint8Array.of(n))
    simulation.run({ untilQuiet: true })
    const numbers = Array.from({ length: 20 }, (_, n) => `received ${n}`)
    expect(node('b').seen).toEqual(['connected a false', ...numbers])
    expect(node('a').seen).toEqual(['connected b true'])
  })

  it('is closed after what was sent', () => {
    const { simulation, node, connection } = createConnectedScene()
    node('a').env.send(connection, Uint8Array.of(7))
    node('a').env.close(connection)
    node('a').env.send(connection, Uint8Array.of(8))
    simulation.run({ untilQuiet: true })
    expect(node('b').seen).toEqual(['connected a false', 'received 7', 'closed'])
    expect(node('a').seen).toEqual(['connected b true'])
  })

  it('loses what is under way when it is cut, and both ends are told later', () => {
    const { simulation, node, connection } = createConnectedScene()
    node('a').env.send(connection, Uint8Array.of(7))
    simulation.cutConnections('b', 'a')
    expect(node('a').seen).toEqual(['connected b true'])
    simulation.run({ untilQuiet: true })
    expect(node('b').seen).toEqual(['connected a false', 'closed'])
    expect(node('a').seen).toEqual(['connected b true', 'closed'])
    expect(simulation.faultCounts).toEqual({ cut: 1, crash: 0, partition: 0, refusal: 0 })
  })

  it('cannot be used before it is open', () => {
    const { node } = createScene()
    const connection = node('a').env.connect('b')
    expect(() => node('a').env.send(connection, key)).toThrow('not open yet')
    expect(() => node('a').env.send(99, key)).toThrow('never was')
  })

  it('does not come about across a split, and does after healing', () => {
    const { simulation, node } = createScene(['a', 'b', 'c'])
    simulation.partition([['a', 'c']])
    node('a').env.connect('b')
    node('a').env.connect('c')
    simulation.run({ untilQuiet: true })
    expect(node('a').seen.toSorted()).toEqual(['closed', 'connected c true'])
    simulation.heal()
    node('a').env.connect('b')
    simulation.run({ untilQuiet: true })
    expect(node('a').seen).toContain('connected b true')
  })

  it('is cut by a split', () => {
    const { simulation, node } = createConnectedScene()
    simulation.partition([['a'], ['b']])
    simulation.run({ untilQuiet: true })
    expect(node('b').seen).toEqual(['connected a false', 'closed'])
    expect(simulation.faultCounts).toMatchObject({ cut: 1, partition: 1 })
  })
})

describe('a crash', () => {
  it('takes memory, timers and connections, and the far end is told', () => {
    const { simulation, node } = createConnectedScene()
    const before = node('a')
    before.env.setTimer('never', 1)
    simulation.crash('a')
    expect(simulation.isUp('a')).toBe(false)
    simulation.run({ untilQuiet: true })
    expect(before.seen).toEqual(['connected b true'])
    expect(node('b').seen).toEqual(['connected a false', 'closed'])
    simulation.restart('a')
    expect(node('a')).not.toBe(before)
    expect(simulation.isUp('a')).toBe(true)
  })

  it('ends every effect of the life before', () => {
    const { simulation, node } = createScene()
    const { env, seen } = node('a')
    simulation.crash('a')
    env.setTimer('x', 1)
    env.connect('b')
    env.disk.append(put)
    env.syncDisk(1)
    env.disk.replace([{ key, value: key }])
    env.tell(() => seen.push('told'))
    simulation.restart('a')
    simulation.run({ untilQuiet: true })
    expect(seen).toEqual([])
    expect(node('b').seen).toEqual([])
    expect(node('a').env.disk.get(key)).toBeUndefined()
  })

  it('shows what was appended when it is durable, and not before', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      const { simulation, node } = createScene(['a'], seed)
      const { env } = node('a')
      const isThere = (): string => (env.disk.get(key) ? 'there' : 'not there')
      env.disk.append(put)
      expect(isThere()).toBe('not there')
      env.syncDisk(1)
      seen.add(isThere())
      simulation.run({ untilQuiet: true })
      expect(isThere()).toBe('there')
    }
    expect(seen).toEqual(new Set(['there', 'not there']))
  })

  it('may lose what was not synced, and never what was', () => {
    const seeds = Array.from({ length: 30 }, (_, seed) => seed)
    expect(seeds.every((seed) => survives(seed, true))).toBe(true)
    expect(new Set(seeds.map((seed) => survives(seed, false)))).toEqual(new Set([true, false]))
  })

  it('ends when the nodes are calmed, and so do load and splits', () => {
    const { simulation, node } = createScene()
    simulation.crash('a')
    simulation.partition([['a'], ['b']])
    simulation.schedule(10, () => node('b').seen.push('load'))
    simulation.calm()
    node('a').env.connect('b')
    simulation.run({ untilQuiet: true })
    expect(node('b').seen).toEqual(['connected a false'])
  })
})
