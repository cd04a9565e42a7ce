import {
  createAreaOfInterest,
  createArea,
  full3dRange,
  selectOfInterest,
  type Entry,
} from '@vudo/meadowcap'
import { createFakeDisk, isStoreError } from '@vudo/storage'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemoryVault } from '../../src/payloads/memory-vault.ts'
import { openEntryStore } from '../../src/store/entry-store.ts'
import { createStorageBacking } from '../../src/store/storage-backing.ts'
import type { WillowStore } from '../../src/store/store.ts'
import type { StoreTuning } from '../../src/store/tuning.ts'
import { createFakeStorage, PowerCut, type FakeStorage, type WriteFate } from './fake-storage.ts'
import {
  authorised,
  collect,
  entryArbitrary,
  ModelStore,
  namespaceId,
  permissive,
  rangeArbitrary3d,
  textOf,
  textsOf,
} from './model.ts'

/** So small that pages split, go and come back, and sums are saved, within a few entries. */
const tiny: StoreTuning = {
  maxPageRows: 3,
  maxGroupPages: 3,
  cachedPages: 2,
  maxDirtyPages: 3,
  maxChangesUnsaved: 12,
  maxCommitChanges: 3,
}

function open(storage: FakeStorage): Promise<WillowStore> {
  const backing = createStorageBacking(namespaceId, storage)
  return openEntryStore({
    namespaceId,
    verifier: permissive,
    backing,
    vault: createMemoryVault(),
    tuning: tiny,
  })
}

const batches = fc.array(fc.array(entryArbitrary, { maxLength: 10 }), { maxLength: 8 })

describe('a store on a disk', () => {
  test('holds, sums up, lists and splits what the model does, also after reopening', async () => {
    await fc.assert(
      fc.asyncProperty(batches, rangeArbitrary3d, fc.boolean(), async (some, range, reopen) => {
        const model = new ModelStore()
        const storage = createFakeStorage()
        let store = await open(storage)
        for (const batch of some) {
          for (const entry of batch) model.insert(entry)
          await store.insertMany(batch.map(authorised))
          if (reopen) {
            await store.close()
            store = await open(storage)
          }
        }
        await expectSame(store, model)
        const expected = model.in(range)
        expect((await collect(store.entries(range))).map(textOf)).toEqual(expected.map(textOf))
        for (const order of ['path', 'newest'] as const) {
          const ordered = await collect(store.entries(range, { order }))
          expect(ordered.map(textOf)).toEqual(expected.toSorted(orders[order]).map(textOf))
        }
        const parts = await store.split(range, 3)
        expect(parts.reduce((sum, part) => sum + part.summary.count, 0)).toBe(expected.length)
        const interest = createAreaOfInterest({ area: createArea(), maxCount: 3n })
        const newest = await collect(store.queryNewest(interest))
        expect(newest.map(textOf)).toEqual(selectOfInterest(interest, model.entries).map(textOf))
        await store.close()
      }),
    )
  })

  test('opens after a power cut at any write, with all or nothing of what was under way', async () => {
    const fates = fc.array(
      fc.constantFrom<WriteFate>('done', 'done', 'cut-before-sync', 'cut-before-append', 'full'),
      { maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(
        batches,
        fates,
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        async (some, sequence, random) => {
          const disk = createFakeDisk(() => random.next().value)
          let storage = createFakeStorage(disk)
          const left = [...sequence]
          const fate = (): WriteFate => left.shift() ?? 'done'
          let store = await open(storage)
          storage.fate = fate
          const sure: Entry[] = []
          const tried: Entry[] = []
          for (const batch of some) {
            tried.push(...batch)
            try {
              await store.insertMany(batch.map(authorised))
              sure.push(...batch)
            } catch (error) {
              if (!(error instanceof PowerCut) && !isStoreError(error)) throw error
              if (error instanceof PowerCut) {
                disk.crash()
                storage = createFakeStorage(disk)
                store = await open(storage)
              }
              await expectNoLoss(store, sure, tried)
              storage.fate = fate
            }
          }
          left.length = 0
          await store.insertMany([])
          await expectConsistent(store)
          await store.close()
          await expectConsistent(await open(storage))
        },
      ),
      { numRuns: 150 },
    )
  })
})

const orders = {
  path: (a: Entry, b: Entry): number =>
    Buffer.compare(a.path.sortKey, b.path.sortKey) ||
    Number(a.timestamp - b.timestamp) ||
    Buffer.compare(a.subspaceId, b.subspaceId),
  newest: (a: Entry, b: Entry): number =>
    Number(b.timestamp - a.timestamp) ||
    Buffer.compare(b.subspaceId, a.subspaceId) ||
    Buffer.compare(b.path.sortKey, a.path.sortKey),
}

async function expectSame(store: WillowStore, model: ModelStore): Promise<void> {
  const held = await collect(store.entries(full3dRange))
  expect(held.map(textOf)).toEqual(textsOf(model.entries))
  await expectConsistent(store)
}

/** What the index says is what the records say, and no entry prunes another. */
async function expectConsistent(store: WillowStore): Promise<void> {
  const model = new ModelStore()
  const fingerprints: bigint[] = []
  const texts: string[] = []
  for await (const { entry, fingerprint } of store.entries(full3dRange)) {
    model.insert(entry)
    texts.push(textOf(entry))
    fingerprints.push(BigInt(`0x${Buffer.from(fingerprint).toString('hex')}`))
  }
  expect(textsOf(model.entries)).toEqual(texts)
  const summary = await store.summarise(full3dRange)
  expect(summary.count).toBe(texts.length)
  const sum = fingerprints.reduce((a, b) => a + b, 0n) % 2n ** 256n
  expect(Buffer.from(summary.fingerprint).toString('hex')).toBe(sum.toString(16).padStart(64, '0'))
  for (const order of ['path', 'newest'] as const) {
    const ordered = await collect(store.entries(full3dRange, { order }))
    expect(textsOf(ordered)).toEqual(texts)
  }
}

/** All that was acknowledged is held, or replaced by what was tried; nothing is held that nobody wrote. */
async function expectNoLoss(store: WillowStore, sure: Entry[], tried: Entry[]): Promise<void> {
  await expectConsistent(store)
  const held = new Set((await collect(store.entries(full3dRange))).map(textOf))
  const known = new Set(tried.map(textOf))
  for (const text of held) expect(known).toContain(text)
  const all = new ModelStore()
  for (const entry of tried) all.insert(entry)
  const acknowledged = new Set(sure.map(textOf))
  const lasting = all.entries.map(textOf).filter((text) => acknowledged.has(text))
  for (const text of lasting) expect(held).toContain(text)
}
