import { expect, it } from 'vitest'
import { storeKey } from './bytes.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { countLost, startWriter } from './acknowledged.ts'

/** After how many acknowledged writes each round's process is killed. */
const rounds = {
  plain: [0, 1, 7, 20, 33, 50, 80, 120, 160, 200],
  encrypted: [0, 20, 200],
}

// The page cache outlives a process: what this proves is that a write is with the platform
// before it settles. That it is on the disk: power-cut.slow.test.ts, and the test in
// open-store.test.ts that LevelDB is asked to sync.
it.each(['plain', 'encrypted'] as const)(
  'hands everything to the platform before it is acknowledged: a killed process loses none of it (%s)',
  async (kind) => {
    const directory = await temporaryDirectory()
    const encryption = kind === 'plain' ? undefined : { key: storeKey }
    let total = 0
    for (const count of rounds[kind]) {
      const writer = startWriter({ directory, durability: 'strict', encryption })
      await writer.reached(count)
      await writer.kill()
      const acknowledged = writer.acknowledged()
      total += acknowledged.length
      expect(await countLost({ directory, encryption }, acknowledged)).toBe(0)
    }
    expect(total).toBeGreaterThan(kind === 'plain' ? 600 : 200)
  },
  60_000,
)
