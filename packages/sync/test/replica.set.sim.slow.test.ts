import { expect, test, vi } from 'vitest'
import { quickIdentity } from './quick-signatures.ts'
import { runManySets } from './set-simulation.ts'

vi.mock('@automerge/automerge', () => import('./set-document.ts'))
vi.mock('@vudo/identity', async (original) => quickIdentity(await original()))
vi.mock('../src/limits.ts', async (original) => {
  const { tightLimits } = await import('./tight-limits.ts')
  return tightLimits(await original())
})

// A million together: each part may be run by itself.
test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'a hundred thousand faults that could do harm: nothing acknowledged is lost, and all agree (part %i)',
  { timeout: 3_600_000 },
  (part) => {
    const { faults, promises, cpuMs } = runManySets({ faults: 100_000, firstSeed: part * 100_000 })
    console.log(`${faults} faults, ${promises} promises, ${Math.round(cpuMs / 1_000)} s of CPU`)
    expect(promises).toBeGreaterThan(10_000)
  },
)
