import { expect, test, vi } from 'vitest'
import { runManySets } from './set-simulation.ts'

vi.mock('../src/limits.ts', async (original) => {
  const { tightLimits } = await import('./tight-limits.ts')
  return tightLimits(await original())
})

// Fifty thousand are in replica.dense.sim.slow.test.ts.
test(
  'faults with Automerge and real signatures: nothing acknowledged is lost, and all agree',
  { timeout: 300_000 },
  () => {
    const { faults, promises, cpuMs } = runManySets({ faults: 1_500, initial: { lines: [] } })
    console.log(`${faults} faults, ${promises} promises, ${cpuMs} ms of CPU`)
    expect(promises).toBeGreaterThan(150)
  },
)
