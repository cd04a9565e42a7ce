import { simulate, SimulationFailure, type Simulation } from '@vudo/testing'
import { expect, test } from 'vitest'
import { runSessions, type PlantedBug } from './session-simulation.ts'

const line = [
  ['a', 'b'],
  ['b', 'c'],
] as const

function run(bug: PlantedBug = 'none') {
  return (simulation: Simulation): void =>
    runSessions(simulation, { links: line, bug, forMs: 4_000 })
}

/** Faults that end lives often, in short runs. */
const faults = { crashRate: 0.004, cutRate: 0.004, partitionRate: 0.001 }

test('three stores in a line agree after cuts and power cuts', { timeout: 60_000 }, () => {
  const summary = simulate({ seeds: 20, faults, run: run() })
  expect(summary.runs).toBe(20)
  expect(summary.faultCounts.crash).toBeGreaterThan(0)
  expect(summary.faultCounts.cut).toBeGreaterThan(0)
  const often = { ...faults, crashRate: 0.02 }
  expect(simulate({ seeds: 60, faults: often, run: run() }).runs).toBe(60)
})

test.each([
  ['answers-early', 'ERR_INVARIANT_BROKEN', /lost an erasure/],
  ['drops-live-and-rounds', 'ERR_NOT_REACHED', /agreement of all stores/],
] as const)('finds the planted bug "%s"', { timeout: 60_000 }, (bug, code, what) => {
  let failure: unknown
  try {
    simulate({ seeds: 200, faults: { ...faults, crashRate: 0.02 }, run: run(bug) })
  } catch (error) {
    failure = error
  }
  expect(failure).toBeInstanceOf(SimulationFailure)
  expect(failure).toMatchObject({ code, what: expect.stringMatching(what) as string })
})
