import { expect, test } from 'vitest'
import { runManySets } from './set-simulation.ts'

test(
  'fifty thousand faults with Automerge and real signatures: nothing acknowledged is lost, and all agree',
  { timeout: 3_600_000 },
  () => {
    const initial = { lines: [] }
    const { faults, promises, cpuMs } = runManySets({ faults: 50_000, initial })
    console.log(`${faults} faults, ${promises} promises, ${Math.round(cpuMs / 1_000)} s of CPU`)
    expect(promises).toBeGreaterThan(5_000)
  },
)
