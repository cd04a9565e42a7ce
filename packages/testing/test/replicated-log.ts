/**
 * A toy core for tests of the simulator: every node holds a set of numbers, a write is
 * acknowledged when it is durable, and every connection brings both ends to the union.
 */
import type { ConnectionId, NodeEnvironment, SimulatedNode, Simulation } from '@vudo/testing'

/** Planted bugs. */
export type Bug =
  | 'none'
  /** Tells the writer "stored" before the disk has said so. */
  | 'acknowledges-early'
  /** Takes the answer of an older sync for the answer to a newer one. */
  | 'mixes-up-syncs'
  /** After a cut it connects again and sends nothing of what it had sent before. */
  | 'never-resends'
  /** Throws when an empty message arrives, and sends one now and then. */
  | 'throws'

export interface ReplicatedLog extends SimulatedNode {
  readonly entries: ReadonlySet<number>
  write(entry: number): void
}

export interface LogOptions {
  readonly peers: readonly string[]
  readonly bug: Bug
  readonly acknowledge: (entry: number) => void
}

const reconnectMs = 40

export function createReplicatedLog(env: NodeEnvironment, options: LogOptions): ReplicatedLog {
  const { peers, bug, acknowledge } = options
  const entries = new Set(env.disk.scan(new Uint8Array()).map(({ key }) => keyToEntry(key)))
  const waiting: { readonly token: number; readonly entry: number }[] = []
  const open = new Map<ConnectionId, string>()
  const dialled = new Map<ConnectionId, string>()
  const everSent = new Set<string>()
  let token = 0

  const dial = (peer: string): void => void dialled.set(env.connect(peer), peer)
  const send = (connection: ConnectionId, entry: number): void => {
    const memo = `${open.get(connection)} ${entry}`
    if (bug === 'never-resends' && everSent.has(memo)) return
    everSent.add(memo)
    env.send(connection, entryToKey(entry))
    if (bug === 'throws' && env.random.chance(0.05)) env.send(connection, new Uint8Array())
  }
  const add = (entry: number): void => {
    entries.add(entry)
    env.disk.append([{ type: 'put', key: entryToKey(entry), value: new Uint8Array() }])
    for (const connection of open.keys()) send(connection, entry)
  }
  // The lower name dials, so that there is one connection per pair.
  for (const peer of peers.filter((name) => name > env.name)) dial(peer)

  return {
    entries,
    write(entry) {
      add(entry)
      if (bug === 'acknowledges-early') env.tell(() => acknowledge(entry))
      else waiting.push({ token: ++token, entry })
      env.syncDisk(token)
    },
    connected(connection, peer) {
      open.set(connection, peer)
      for (const entry of entries) send(connection, entry)
    },
    received(_connection, bytes) {
      if (bytes.length === 0) throw new Error('empty message')
      const entry = keyToEntry(bytes)
      if (!entries.has(entry)) add(entry)
    },
    closed(connection) {
      open.delete(connection)
      const peer = dialled.get(connection)
      dialled.delete(connection)
      if (peer !== undefined) env.setTimer(peer, reconnectMs)
    },
    timer: dial,
    diskSynced(done) {
      const isDone = (one: { token: number }): boolean =>
        bug === 'mixes-up-syncs' || one.token <= done
      for (const { entry } of waiting.filter(isDone)) env.tell(() => acknowledge(entry))
      waiting.splice(0, waiting.filter(isDone).length)
    },
  }
}

function entryToKey(entry: number): Uint8Array {
  return Uint8Array.of(entry >> 8, entry & 255)
}

function keyToEntry(key: Uint8Array): number {
  const [high = 0, low = 0] = key
  return (high << 8) | low
}

export const names = ['one', 'two', 'three'] as const

/** Three logs under load; then calm, and they must agree and hold everything acknowledged. */
export function runLogs(simulation: Simulation, bug: Bug): void {
  const nodes = new Map<string, ReplicatedLog>()
  const acknowledged = new Set<number>()
  const acknowledge = (entry: number): void => void acknowledged.add(entry)
  for (const name of names) {
    simulation.addNode(name, (env) => {
      const peers = names.filter((peer) => peer !== name)
      const node = createReplicatedLog(env, { peers, bug, acknowledge })
      nodes.set(name, node)
      return node
    })
  }
  for (let burst = 0; burst < 40; burst++) {
    const name = simulation.random.pick(names)
    const inMs = simulation.random.int(3_000)
    for (const [at, laterMs] of [0, 5, 10].entries()) {
      simulation.schedule(inMs + laterMs, () => {
        if (simulation.isUp(name)) nodes.get(name)?.write(3 * burst + at)
      })
    }
  }
  simulation.run({ forMs: 3_000 })
  simulation.calm()
  simulation.run({
    until: () => new Set([...nodes.values()].map(contentsOf)).size === 1,
    what: 'agreement',
    withinMs: 10_000,
  })
  const lost = [...acknowledged].filter((entry) => !nodes.get('one')?.entries.has(entry))
  if (lost.length > 0) throw simulation.failure(`lost write ${lost.join(', ')}`)
}

function contentsOf(log: ReplicatedLog): string {
  return [...log.entries].toSorted((a, b) => a - b).join(' ')
}
