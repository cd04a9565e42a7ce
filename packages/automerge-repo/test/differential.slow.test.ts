import { expect, test } from 'vitest'
import { directions, runScripts } from './differential-lab.ts'

test.each(directions)(
  '%s end with the same, in many runs',
  { timeout: 600_000 },
  async (_name, start) => {
    await expect(runScripts(start, { numRuns: 40 })).resolves.toBeUndefined()
  },
)
