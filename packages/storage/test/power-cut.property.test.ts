import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createFakeDisk } from '@vudo/storage'
import { openStoreOn } from '../src/level-store.ts'
import { bytes, put, text } from './bytes.ts'
import { FakeLevel, type FakeLevelInit } from './fake-level.ts'

/** Each number starts that many writes at once; the power goes when some of the last turn's are under way. */
const turns = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 })

interface Outcome {
  /** Acknowledged writes that are missing after the power cut. */
  readonly lost: number
  /** Writes of which only a part is there. */
  readonly torn: number
}

async function cutPower(
  turnSizes: readonly number[],
  random: () => number,
  init: FakeLevelInit,
): Promise<Outcome> {
  const disk = createFakeDisk(random)
  const store = await openStoreOn(await FakeLevel.start(disk, init), { durability: 'strict' })
  const acknowledged = new Set<number>()
  let next = 0
  for (const size of turnSizes) {
    const writes = Array.from({ length: size }, async () => {
      const id = next++
      await store.write([put(`${id}x`, 'v'), put(`${id}y`, 'v')])
      acknowledged.add(id)
    })
    if (size % 2 === 0) await Promise.all(writes)
    else await Promise.race(writes)
  }
  const expected = [...acknowledged]
  disk.crash()
  const restarted = await openStoreOn(await FakeLevel.start(disk), { durability: 'strict' })
  const found = async (key: string) => text(await restarted.get(bytes(key))) === 'v'
  const outcome = { lost: 0, torn: 0 }
  for (let id = 0; id < next; id += 1) {
    const [x, y] = [await found(`${id}x`), await found(`${id}y`)]
    if (x !== y) outcome.torn += 1
    if (expected.includes(id) && !x) outcome.lost += 1
  }
  await Promise.all([store.close(), restarted.close()])
  return outcome
}

const fractions = fc.noShrink(fc.double({ min: 0, max: 0.999, noNaN: true }))

it('loses no acknowledged write and tears none when the power goes', async () => {
  await fc.assert(
    fc.asyncProperty(turns, fractions, async (sizes, fraction) => {
      expect(await cutPower(sizes, () => fraction, {})).toEqual({ lost: 0, torn: 0 })
    }),
  )
})

it('would find a store that acknowledges before the sync', async () => {
  const { lost } = await cutPower([2, 3], () => 0.4, { liesAboutSync: true })
  expect(lost).toBeGreaterThan(0)
})
