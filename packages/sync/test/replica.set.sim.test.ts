import { SimulationFailure } from '@vudo/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { DocumentState } from '../src/document-state.ts'
import type { PlantedBug } from './replica-simulation.ts'
import { setBugs, type SetBug } from './set-document.ts'
import { runSets } from './set-simulation.ts'

vi.mock('@automerge/automerge', () => import('./set-document.ts'))
vi.mock('@vudo/identity', async (original) => {
  const { quickIdentity } = await import('./quick-signatures.ts')
  return quickIdentity(await original())
})
vi.mock('../src/limits.ts', async (original) => {
  const { tightLimits } = await import('./tight-limits.ts')
  return tightLimits(await original())
})

// The million of faults is in replica.set.sim.slow.test.ts: it takes eleven minutes of CPU.
test.each([
  ['line', 56],
  ['star', 32],
  ['ring', 32],
] as const)(
  'nothing acknowledged is lost, and all agree: sets of hashes in a %s',
  { timeout: 120_000 },
  (shape, seeds) => {
    const dense = runSets({ shape, seeds })
    const sparse = runSets({ shape, seeds: 3, faults: 'sparse', forMs: 5_000 })
    const faults = dense.tally.faults + sparse.tally.faults
    const promises = dense.tally.promises + sparse.tally.promises
    const cpuMs = dense.cpuMs + sparse.cpuMs
    console.log(`${shape}: ${faults} faults, ${promises} promises, ${cpuMs} ms of CPU`)
    expect(faults).toBeGreaterThan(15_000)
    expect(promises).toBeGreaterThan(2_000)
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
  const isDurable = vi.spyOn(DocumentState.prototype, 'isDurable', 'get')
  if (bug === 'forgets-too-early') isDurable.mockReturnValue(true)
  try {
    // What is written and read at once needs lives in which something is done.
    const faults = bug === 'forgets-too-early' ? 'sparse' : 'dense'
    runSets({ shape, seeds: 40, bug, forMs: 3_000, faults })
  } catch (error) {
    if (error instanceof SimulationFailure) return error
    throw error
  } finally {
    setBugs.current = 'none'
    isDurable.mockRestore()
  }
  throw new Error('the simulator did not find the bug')
}

const seemsDamaged = /no sound document .* is blamed" is broken: .*damaged on this device/
/** What is said to be durable and is not may be lost, or read before it is there. */
const losesOrSeemsDamaged = /lost \d+ acknowledged changes|is blamed" is broken/
const loses = /lost \d+ acknowledged changes/
const differs = /agreement of all replicas/
/** What is believed to be here is looked for when changes that build on it come. */
const differsOrIsIncomplete = /agreement of all replicas|changes refer to what is not there/
/** A lost head may be the one that an author's signature names, or be missed when the document is read. */
const differsOrIsUnproven =
  /agreement of all replicas|the newest change of actor \w+ is not signed|damaged on this device/

test.each([
  ['acknowledges-early', 'none', losesOrSeemsDamaged],
  ['swallows-writes', 'none', loses],
  ['drops-batches', 'none', differs],
  ['drops-acknowledgements', 'none', differs],
  ['forgets-too-early', 'none', seemsDamaged],
  ['none', 'loses-a-head', differsOrIsUnproven],
  ['none', 'believes-to-have', differsOrIsIncomplete],
] as const)('finds the planted bug "%s", "%s", and names its seed', (bug, setBug, what) => {
  onTestFinished(() => void (setBugs.current = 'none'))
  const failure = failureOf('line', bug, setBug)
  const { seed, safetySteps } = failure.state
  expect(failure.message).toMatch(what)
  expect(failure.message).toContain(`seed ${seed}, steps ${safetySteps}, `)
})
