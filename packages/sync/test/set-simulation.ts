/** Simulations of the shipped replica in which hardly a hello comes through: with Automerge, or, mocked, a set of hashes as the document. */
import { simulate, type SimulateSummary } from '@vudo/testing'
import { runReplicas, type PlantedBug, type Tally } from './replica-simulation.ts'

/** Three to five peers. */
export const shapes = {
  line: [
    ['a', 'b'],
    ['b', 'c'],
  ],
  star: [
    ['hub', 'a'],
    ['hub', 'b'],
    ['c', 'hub'],
    ['d', 'hub'],
  ],
  ring: [
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'd'],
    ['d', 'a'],
  ],
} as const

/** Hardly a hello comes through without something breaking. */
const denseFaults = {
  cutRate: 0.4,
  refusalRate: 0.1,
  crashRate: 0.04,
  partitionRate: 0.01,
  downMs: [5, 100],
  partitionMs: [20, 500],
} as const

/** Connections last, and disks are slow: documents are written while they are read. */
const sparseFaults = {
  diskSyncDelayMs: [1, 80],
  cutRate: 0.004,
  refusalRate: 0.1,
  crashRate: 0.0006,
  partitionRate: 0.001,
  downMs: [5, 100],
  partitionMs: [20, 500],
} as const

/** What a run reached. */
export interface SetRun {
  readonly summary: SimulateSummary
  readonly tally: Tally
  readonly cpuMs: number
}

/** Runs seeds in a shape. @throws `SimulationFailure`. */
export function runSets(options: {
  readonly shape: keyof typeof shapes
  readonly seeds: number | readonly number[]
  readonly bug?: PlantedBug
  readonly forMs?: number
  /** Something breaks all the time, or now and then while much is edited. @defaultValue `dense` */
  readonly faults?: 'dense' | 'sparse'
  /** @defaultValue nothing, which is all that a set of hashes can begin with */
  readonly initial?: Readonly<Record<string, unknown>>
}): SetRun {
  const { shape, seeds, bug = 'none', forMs = 20_000, initial = {}, faults = 'dense' } = options
  const tally: Tally = { faults: 0, promises: 0 }
  const before = process.cpuUsage()
  const summary = simulate({
    seeds,
    faults: faults === 'dense' ? denseFaults : sparseFaults,
    run: (simulation) => {
      const links = shapes[shape]
      const quick = {
        initial,
        redialMs: 20,
        rollbackRate: 0.03,
        editForMs: forMs,
        editEveryMs: faults === 'dense' ? 650 : 65,
      }
      runReplicas(simulation, { links, bug, forMs, tally, ...quick })
    },
  })
  const { user, system } = process.cpuUsage(before)
  return { summary, tally, cpuMs: Math.round((user + system) / 1_000) }
}

/** Runs seeds in one shape after the other until there were so many faults that could do harm. @throws `SimulationFailure`. */
export function runManySets(options: {
  readonly faults: number
  /** Others go on where these end. @defaultValue 1,000 */
  readonly firstSeed?: number
  readonly initial?: Readonly<Record<string, unknown>>
}): { readonly faults: number; readonly promises: number; readonly cpuMs: number } {
  const { initial = {}, firstSeed = 1_000 } = options
  let [faults, promises, cpuMs] = [0, 0, 0]
  for (let seed = firstSeed; faults < options.faults; seed++) {
    const shape = seed % 3 === 0 ? 'line' : seed % 3 === 1 ? 'star' : 'ring'
    // Now and then one in which more is done than breaks.
    const quiet = seed % 8 === 0 && ({ faults: 'sparse', forMs: 3_000 } as const)
    const run = runSets({ shape, seeds: [seed], initial, ...quiet })
    faults += run.tally.faults
    promises += run.tally.promises
    cpuMs += run.cpuMs
  }
  return { faults, promises, cpuMs }
}
