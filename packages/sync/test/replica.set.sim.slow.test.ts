import { expect, test, vi } from 'vitest'
import { quickIdentity } from './quick-signatures.ts'
import { runManySets } from './set-simulation.ts'

vi.mock('@automerge/automerge', () => import('./set-document.ts'))
vi.mock('@vudo/identity', async (original) => quickIdentity(await original()))

test(
  'a million faults that could do harm: nothing acknowledged is lost, and all agree',
  { timeout: 3_600_000 },
  () => {
    const { faults, promises, cpuMs } = runManySets({ faults: 1_000_000 })
    console.log(`${faults} faults, ${promises} promises, ${Math.round(cpuMs / 1_000)} s of CPU`)
    expect(promises).toBeGreaterThan(100_000)
  },
)
