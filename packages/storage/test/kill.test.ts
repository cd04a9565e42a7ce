import { expect, it } from 'vitest'
import { temporaryDirectory } from './bytes.ts'
import { countLost, startWriter } from './acknowledged.ts'

/** After how many acknowledged writes each round's process is killed. */
const rounds = [0, 1, 7, 20, 33, 50, 80, 120, 160, 200]

// The page cache outlives a process: what this proves is that a write is with the platform
// before it settles. That it is on the disk: power-cut.slow.test.ts, and the test in
// open-store.test.ts that LevelDB is asked to sync.
it('hands everything to the platform before it is acknowledged: a killed process loses none of it', async () => {
  const directory = await temporaryDirectory()
  let total = 0
  for (const count of rounds) {
    const writer = startWriter(directory, 'strict')
    await writer.reached(count)
    await writer.kill()
    const acknowledged = writer.acknowledged()
    total += acknowledged.length
    expect(await countLost(directory, acknowledged)).toBe(0)
  }
  expect(total).toBeGreaterThan(600)
}, 60_000)
