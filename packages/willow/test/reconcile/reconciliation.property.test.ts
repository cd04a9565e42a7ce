import { areaTo3dRange, createArea, full3dRange, range3dIncludesEntry } from '@vudo/meadowcap'
import type { Entry } from '@vudo/meadowcap'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openMemoryWillowStore } from '../../src/store/memory-store.ts'
import type { WillowStore } from '../../src/store/store.ts'
import {
  authorised,
  collect,
  entryArbitrary,
  ModelStore,
  namespaceId,
  pathArbitrary,
  permissive,
  rangeArbitrary3d,
  textsOf,
} from '../store/model.ts'
import { reconcile } from './reconcile-pair.ts'

const entries = fc.array(entryArbitrary, { maxLength: 40 })
const settings = fc.record({
  parts: fc.constantFrom(2, 3, 16),
  threshold: fc.constantFrom(0, 1, 2, 5, 32),
})

async function storeOf(all: readonly Entry[]): Promise<WillowStore> {
  const store = await openMemoryWillowStore({ namespaceId, verifier: permissive })
  await store.insertMany(all.map(authorised))
  return store
}

function joinOf(all: readonly Entry[]): string[] {
  const model = new ModelStore()
  for (const entry of all) model.insert(entry)
  return textsOf(model.entries)
}

async function textsIn(store: WillowStore): Promise<string[]> {
  return textsOf(await collect(store.entries(full3dRange)))
}

describe('two reconciled stores', () => {
  test('hold the join of both, however each of them cuts', async () => {
    await fc.assert(
      fc.asyncProperty(entries, entries, settings, settings, async (mine, theirs, a, b) => {
        await using left = await storeOf(mine)
        await using right = await storeOf(theirs)
        const result = await reconcile(left, right, { range: full3dRange, settings: [a, b] })
        expect(result.failed).toBeUndefined()
        const join = joinOf([...mine, ...theirs])
        expect(await textsIn(left)).toEqual(join)
        expect(await textsIn(right)).toEqual(join)
        const again = await reconcile(left, right, { range: full3dRange })
        expect(again).toMatchObject({ legs: 2, messages: 2 })
      }),
      { numRuns: 200 },
    )
  })

  test('lose nothing that is inserted at both ends meanwhile and forwarded', async () => {
    const late = fc.array(fc.tuple(fc.boolean(), entryArbitrary), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(entries, entries, late, settings, async (mine, theirs, more, cut) => {
        await using left = await storeOf(mine)
        await using right = await storeOf(theirs)
        const waiting = [...more]
        const forwarded: Entry[] = []
        await reconcile(left, right, {
          range: full3dRange,
          settings: [cut, cut],
          async beforeLeg() {
            for (const [isLeft, entry] of waiting.splice(0, 3)) {
              await (isLeft ? left : right).insert(authorised(entry))
              forwarded.push(entry)
            }
          },
        })
        for (const store of [left, right]) await store.insertMany(forwarded.map(authorised))
        const join = joinOf([...mine, ...theirs, ...forwarded])
        expect(await textsIn(left)).toEqual(join)
        expect(await textsIn(right)).toEqual(join)
      }),
      { numRuns: 150 },
    )
  })

  test('exchange only what lies in the range', async () => {
    await fc.assert(
      fc.asyncProperty(entries, entries, rangeArbitrary3d, async (mine, theirs, range) => {
        await using left = await storeOf(mine)
        await using right = await storeOf(theirs)
        const before = await collect(right.entries(full3dRange))
        await reconcile(left, right, { range })
        const inRange = (await collect(left.entries(full3dRange))).filter((entry) =>
          range3dIncludesEntry(range, entry),
        )
        const after = await collect(right.entries(full3dRange))
        const known = textsOf([...before, ...inRange])
        for (const text of textsOf(after)) expect(known).toContain(text)
      }),
      { numRuns: 100 },
    )
  })

  test('do not repeat what one of them rejects', async () => {
    await fc.assert(
      fc.asyncProperty(entries, entries, pathArbitrary, async (mine, theirs, path) => {
        await using left = await storeOf(mine)
        await using right = await storeOf(theirs)
        await right.deny({ area: createArea({ path }) })
        const denied = areaTo3dRange(createArea({ path }))
        const before = await right.summarise(denied)
        const result = await reconcile(left, right, { range: full3dRange })
        expect(result.failed).toBeUndefined()
        expect(result.legs).toBeLessThan(12)
        // What it has there may have been replaced from above, but nothing was added.
        expect((await right.summarise(denied)).count).toBeLessThanOrEqual(before.count)
      }),
      { numRuns: 100 },
    )
  })
})
