import { expect, test, vi } from 'vitest'
import { runManySets } from './set-simulation.ts'

vi.mock('../src/limits.ts', async (original) => {
  const { tightLimits } = await import('./tight-limits.ts')
  return tightLimits(await original())
})

// Fifty thousand together: each part may be run by itself.
test.each([1, 2, 3, 4, 5])(
  'ten thousand faults with Automerge and real signatures: nothing acknowledged is lost, and all agree (part %i)',
  { timeout: 3_600_000 },
  (part) => {
    const initial = { lines: [] }
    const run = runManySets({ faults: 10_000, firstSeed: part * 100_000, initial })
    const { faults, promises, cpuMs } = run
    console.log(`${faults} faults, ${promises} promises, ${Math.round(cpuMs / 1_000)} s of CPU`)
    expect(promises).toBeGreaterThan(1_000)
  },
)
