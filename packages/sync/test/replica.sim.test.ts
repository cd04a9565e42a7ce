import { simulate, SimulationFailure, type Simulation } from '@vudo/testing'
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

/** What the simulator says about a planted bug. */
function failureOf(bug: PlantedBug): SimulationFailure {
  const [first] = failuresOf(bug, 60)
  if (!first) throw new Error(`the simulator did not find ${bug}`)
  // A shorter run may fail where a longer one does not: shortened until it stays as it is.
  for (let found = first; ;) {
    const { seed, safetySteps: stepLimit } = found.state
    const [shorter] = failuresOf(bug, [seed], stepLimit)
    if (!shorter || shorter.message === found.message) return found
    found = shorter
  }
}

function failuresOf(
  bug: PlantedBug,
  seeds: number | readonly number[],
  stepLimit?: number,
): SimulationFailure[] {
  try {
    simulate({ seeds, faults, run: run(line, bug), ...(stepLimit !== undefined && { stepLimit }) })
    return []
  } catch (error) {
    if (error instanceof SimulationFailure) return [error]
    throw error
  }
}

// An early acknowledgement does harm when the power goes, or somebody reads what is not written yet.
test.each([
  ['acknowledges-early', 'ERR_INVARIANT_BROKEN', /lost \d+ acknowledged changes|is blamed/, 0],
  ['drops-batches', 'ERR_NOT_REACHED', /agreement of all replicas/, 0],
] as const)(
  'finds the planted bug "%s", names seed, steps and faults, and finds it again by them',
  { timeout: 120_000 },
  (bug, code, what, minFaults) => {
    const failure = failureOf(bug)
    const { seed, safetySteps, faults: count } = failure.state
    expect(failure.code).toBe(code)
    expect(failure.what).toMatch(what)
    expect(failure.message).toContain(`seed ${seed}, steps ${safetySteps}, faults ${count}: `)
    expect(count).toBeGreaterThanOrEqual(minFaults)
    const again = (): unknown =>
      simulate({ seeds: [seed], stepLimit: safetySteps, faults, run: run(line, bug) })
    expect(again).toThrow(failure.message)
    // The same seed without the bug is sound: it is the bug that was found.
    const sound = simulate({ seeds: [seed], stepLimit: safetySteps, faults, run: run(line) })
    expect(sound.runs).toBe(1)
  },
)
