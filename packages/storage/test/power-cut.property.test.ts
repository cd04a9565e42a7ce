import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFakeDisk } from '@vudo/storage'
import { openStoreOn, type LevelStoreInit } from '../src/level-store.ts'
import { bytes, put, storeKey, text } from './bytes.ts'
import { FakeLevel, type FakeLevelInit } from './fake-level.ts'

/** Each number starts that many writes at once; the power goes when some of the last turn's are under way. */
const turns = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 })

interface Outcome {
  /** Acknowledged writes that are missing after the power cut. */
  readonly lost: number
  /** Writes of which only a part is there. */
  readonly torn: number
}

interface Cut {
  readonly store: LevelStoreInit
  readonly random: () => number
  readonly level?: FakeLevelInit
}

async function cutPower(turnSizes: readonly number[], cut: Cut): Promise<Outcome> {
  const disk = createFakeDisk(cut.random)
  const store = await openStoreOn(await FakeLevel.start(disk, cut.level), cut.store)
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
  const restarted = await openStoreOn(await FakeLevel.start(disk), cut.store)
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

describe.each(['plain', 'encrypted'])('a store that is %s', (kind) => {
  const store: LevelStoreInit = {
    durability: 'strict',
    encryption: kind === 'plain' ? undefined : { key: storeKey },
  }

  it('loses no acknowledged write and tears none when the power goes', async () => {
    await fc.assert(
      fc.asyncProperty(turns, fractions, async (sizes, fraction) => {
        const outcome = await cutPower(sizes, { store, random: () => fraction })
        expect(outcome).toEqual({ lost: 0, torn: 0 })
      }),
    )
  })

  it('would be found to acknowledge before the sync', async () => {
    const level = { liesAboutSync: true }
    const { lost } = await cutPower([2, 3], { store, random: () => 0.5, level })
    expect(lost).toBeGreaterThan(0)
  })
})
