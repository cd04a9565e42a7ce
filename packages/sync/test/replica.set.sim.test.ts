import { SimulationFailure } from '@vudo/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { quickIdentity } from './quick-signatures.ts'
import type { PlantedBug } from './replica-simulation.ts'
import { setBugs, type SetBug } from './set-document.ts'
import { runSets } from './set-simulation.ts'

vi.mock('@automerge/automerge', () => import('./set-document.ts'))
vi.mock('@vudo/identity', async (original) => quickIdentity(await original()))

// The million of faults is in replica.set.sim.slow.test.ts: it takes eleven minutes of CPU.
test.each([
  ['line', 56],
  ['star', 32],
  ['ring', 32],
] as const)(
  'nothing acknowledged is lost, and all agree: sets of hashes in a %s',
  { timeout: 120_000 },
  (shape, seeds) => {
    const { tally, cpuMs } = runSets({ shape, seeds })
    console.log(`${shape}: ${tally.faults} faults, ${tally.promises} promises, ${cpuMs} ms of CPU`)
    expect(tally.faults).toBeGreaterThan(15_000)
    expect(tally.promises).toBeGreaterThan(2_000)
  },
)

test('the same seed gives the same run', () => {
  const [first, again] = [1, 2].map(() => runSets({ shape: 'line', seeds: [5], forMs: 2_000 }))
  expect(again?.tally).toEqual(first?.tally)
  expect(again?.summary).toEqual(first?.summary)
})

/** What the simulator says about a planted bug. */
function failureOf(shape: 'line', bug: PlantedBug, setBug: SetBug): SimulationFailure {
  setBugs.current = setBug
  try {
    runSets({ shape, seeds: 40, bug, forMs: 3_000 })
  } catch (error) {
    if (error instanceof SimulationFailure) return error
    throw error
  } finally {
    setBugs.current = 'none'
  }
  throw new Error('the simulator did not find the bug')
}

const loses = /lost \d+ acknowledged changes/
const differs = /agreement of all replicas/
/** What is believed to be here is looked for when changes that build on it come. */
const differsOrIsIncomplete = /agreement of all replicas|changes refer to what is not there/
/** A lost head may be the one that an author's signature names. */
const differsOrIsUnproven = /agreement of all replicas|the newest change of actor \w+ is not signed/

test.each([
  ['acknowledges-early', 'none', loses],
  ['swallows-writes', 'none', loses],
  ['drops-batches', 'none', differs],
  ['drops-acknowledgements', 'none', differs],
  ['none', 'loses-a-head', differsOrIsUnproven],
  ['none', 'believes-to-have', differsOrIsIncomplete],
] as const)('finds the planted bug "%s", "%s", and names its seed', (bug, setBug, what) => {
  onTestFinished(() => void (setBugs.current = 'none'))
  const failure = failureOf('line', bug, setBug)
  const { seed, safetySteps } = failure.state
  expect(failure.message).toMatch(what)
  expect(failure.message).toContain(`seed ${seed}, steps ${safetySteps}, `)
})
