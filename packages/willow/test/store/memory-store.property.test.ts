import {
  createAreaOfInterest,
  full3dRange,
  createArea,
  prunes,
  range3dIncludesEntry,
  selectOfInterest,
} from '@vudo/meadowcap'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { entryFingerprint } from '../../src/store/fingerprint.ts'
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
  textOf,
  textsOf,
  tokenFor,
} from './model.ts'

const open = (): Promise<WillowStore> =>
  openMemoryWillowStore({ namespaceId, verifier: permissive })
const batches = fc.array(fc.array(entryArbitrary, { maxLength: 8 }), { maxLength: 6 })

describe('a store of entries', () => {
  test('holds the join of all that was inserted, in whichever order and batches', async () => {
    await fc.assert(
      fc.asyncProperty(batches, fc.array(entryArbitrary, { maxLength: 30 }), async (some, more) => {
        const model = new ModelStore()
        await using store = await open()
        await using other = await open()
        for (const batch of [...some, more]) {
          for (const entry of batch) model.insert(entry)
          await store.insertMany(batch.map(authorised))
        }
        for (const entry of [...some.flat(), ...more].toReversed()) {
          await other.insert(authorised(entry))
        }
        const held = await collect(store.entries(full3dRange))
        expect(held.map(textOf)).toEqual(textsOf(model.entries))
        expect(store.count).toBe(held.length)
        expect(textsOf(await collect(other.entries(full3dRange)))).toEqual(held.map(textOf))
        expect(await other.summarise(full3dRange)).toEqual(await store.summarise(full3dRange))
        for (const a of held) for (const b of held) expect(prunes(a, b)).toBe(false)
      }),
    )
  })

  test('sums up, lists and splits any range as the model does', async () => {
    const entries = fc.array(entryArbitrary, { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(
        entries,
        rangeArbitrary3d,
        fc.constantFrom(2, 3, 16),
        async (all, range, k) => {
          const model = new ModelStore()
          await using store = await open()
          for (const entry of all) model.insert(entry)
          await store.insertMany(all.map(authorised))
          const expected = model.in(range)
          expect((await collect(store.entries(range))).map(textOf)).toEqual(expected.map(textOf))
          const summary = await store.summarise(range)
          expect(summary.count).toBe(expected.length)
          expect(Buffer.from(summary.fingerprint).toString('hex')).toBe(fingerprintOf(expected))
          const times = expected
            .map(({ timestamp }) => timestamp)
            .toSorted((a, b) => (a < b ? -1 : 1))
          expect([summary.minTimestamp, summary.maxTimestamp]).toEqual([times[0], times.at(-1)])
          expect(summary.payloadBytes).toBe(expected.reduce((sum, e) => sum + e.payloadLength, 0n))
          const parts = await store.split(range, k)
          const isCut = expected.length > 1
          expect(parts.length > 1).toBe(isCut)
          expect(parts.length).toBeLessThanOrEqual(k)
          for (const part of parts) {
            const inside = expected.filter((entry) => range3dIncludesEntry(part.range, entry))
            expect(inside.length > 0 || expected.length === 0).toBe(true)
            expect(part.summary.count).toBe(inside.length)
          }
          expect(parts.reduce((sum, part) => sum + part.summary.count, 0)).toBe(expected.length)
          expect(parts[0]?.range.subspaces.start).toEqual(range.subspaces.start)
          expect(parts.at(-1)?.range.subspaces.end).toEqual(range.subspaces.end)
        },
      ),
    )
  })

  test('gives the newest of an area as sorting does', async () => {
    const limits = fc.bigInt({ min: 0n, max: 4n })
    const entries = fc.array(entryArbitrary, { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(entries, pathArbitrary, limits, async (all, path, maxCount) => {
        const model = new ModelStore()
        await using store = await open()
        for (const entry of all) model.insert(entry)
        await store.insertMany(all.map(authorised))
        const area = createArea({ path })
        for (const maxSize of [undefined, 5n]) {
          const interest = createAreaOfInterest({ area, maxCount, maxSize })
          const newest = await collect(store.queryNewest(interest))
          const expected = selectOfInterest(interest, model.entries)
          expect(newest.map(textOf)).toEqual(expected.map(textOf))
        }
      }),
    )
  })
})

function fingerprintOf(entries: readonly Parameters<typeof textOf>[0][]): string {
  let sum = 0n
  for (const entry of entries) {
    const one = entryFingerprint(entry, tokenFor(entry).capability, 0n)
    sum += BigInt(`0x${Buffer.from(one).toString('hex')}`)
  }
  return (sum % 2n ** 256n).toString(16).padStart(64, '0')
}
