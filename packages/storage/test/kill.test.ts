import { expect, it } from 'vitest'
import { temporaryDirectory } from './bytes.ts'
import { countLost, startWriter } from './acknowledged.ts'

/** After how many acknowledged writes each round's process is killed. */
const rounds = [0, 1, 7, 20, 33, 50, 80, 120, 160, 200]

it('loses nothing acknowledged when the process is killed', async () => {
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
