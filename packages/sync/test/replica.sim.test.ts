import { simulate, type Simulation } from '@vudo/testing'
import { expect, test } from 'vitest'
import { runReplicas, type PlantedBug } from './replica-simulation.ts'

const star = [
  ['hub', 'a'],
  ['hub', 'b'],
  ['c', 'hub'],
] as const
const line = [
  ['a', 'b'],
  ['b', 'c'],
] as const

function run(links: readonly (readonly [string, string])[], bug: PlantedBug = 'none') {
  return (simulation: Simulation): void => runReplicas(simulation, { links, bug, forMs: 4_000 })
}

/** Faults that end lives often, in short runs. */
const faults = { crashRate: 0.004, cutRate: 0.004, partitionRate: 0.001 }

test(
  'what is acknowledged survives power cuts, and all replicas agree in the end',
  { timeout: 60_000 },
  () => {
    expect(simulate({ seeds: 4, faults, run: run(star) })).toMatchObject({ runs: 4 })
    expect(simulate({ seeds: 4, faults, run: run(line) })).toMatchObject({ runs: 4 })
  },
)

test(
  'finds a write that was acknowledged before it was durable, and names the seed',
  { timeout: 60_000 },
  () => {
    expect(() => simulate({ seeds: 20, faults, run: run(line, 'acknowledges-early') })).toThrow(
      /seed[\s\S]*nothing acknowledged is lost/,
    )
  },
)

test(
  'finds replicas that never agree because batches are dropped, and names the seed',
  { timeout: 60_000 },
  () => {
    expect(() => simulate({ seeds: 20, faults, run: run(line, 'drops-batches') })).toThrow(
      /seed[\s\S]*agreement of all replicas/,
    )
  },
)
