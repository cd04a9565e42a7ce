import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  comparePlaces,
  createEntry,
  createPath,
  entriesEqual,
  isNewer,
  joinEntries,
  prunes,
  type Entry,
} from '@vudo/meadowcap'
import { idOf, tinyEntry } from '../arbitraries.ts'
import { example, pathOf } from '../examples.ts'

const tinyStore = fc.array(tinyEntry, { maxLength: 12 })

/** The store of the specification, by its definition. */
function modelJoin(entries: readonly Entry[]): Entry[] {
  const distinct = entries.filter(
    (entry, index) => !entries.slice(0, index).some((other) => entriesEqual(entry, other)),
  )
  const kept = distinct.filter((entry) => !distinct.some((other) => prunes(other, entry)))
  return kept.toSorted(comparePlaces)
}

function same(a: readonly Entry[], b: readonly Entry[]): boolean {
  const pairs = a.map((entry, at) => [entry, b[at]] as const)
  const isSame = pairs.every(([x, y]) => y !== undefined && entriesEqual(x, y))
  return a.length === b.length && isSame
}

it('joins as the model does, and every join is a store', () => {
  fc.assert(
    fc.property(tinyStore, tinyStore, (a, b) => {
      const joined = joinEntries(a, b)
      expect(same(joined, modelJoin([...a, ...b]))).toBe(true)
      for (const x of joined) for (const y of joined) expect(prunes(x, y)).toBe(false)
    }),
    { numRuns: 1000 },
  )
})

it('joins in any order and any number of times', () => {
  fc.assert(
    fc.property(tinyStore, tinyStore, tinyStore, (a, b, c) => {
      const joined = joinEntries(joinEntries(a, b), c)
      expect(same(joined, joinEntries(c, joinEntries(b, a)))).toBe(true)
      expect(same(joined, joinEntries(joined, joined))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

it('gives the results of the examples', () => {
  interface Case {
    entries: { name: string; path: string[]; timestamp: number; digest: string; length: number }[]
    result: string[]
  }
  for (const { entries, result } of (example('joins') as { cases: Case[] }).cases) {
    const made = entries.map((json) =>
      createEntry({
        namespaceId: idOf(0),
        subspaceId: idOf(1),
        path: createPath(json.path),
        timestamp: BigInt(json.timestamp),
        payloadLength: BigInt(json.length),
        payloadDigest: idOf(Number.parseInt(json.digest, 16)),
      }),
    )
    const names = joinEntries(made).map((kept) => entries[made.indexOf(kept)]?.name)
    expect(names.toSorted()).toEqual(result)
  }
})

it('keeps entries of other namespaces and subspaces', () => {
  const base = { path: pathOf([]), timestamp: 1n, payloadLength: 0n, payloadDigest: idOf(0) }
  const upper = createEntry({ ...base, namespaceId: idOf(1), subspaceId: idOf(1), timestamp: 9n })
  const others = [
    createEntry({ ...base, namespaceId: idOf(2), subspaceId: idOf(1) }),
    createEntry({ ...base, namespaceId: idOf(1), subspaceId: idOf(2) }),
  ]
  expect(others.map((other) => isNewer(upper, other))).toEqual([true, true])
  expect(joinEntries([upper], others)).toHaveLength(3)
})

it('refuses fields that are no ids, digests or U64s', () => {
  const good = {
    namespaceId: idOf(1),
    subspaceId: idOf(1),
    path: pathOf([]),
    timestamp: 0n,
    payloadLength: 0n,
    payloadDigest: idOf(1),
  }
  expect(Object.isFrozen(createEntry(good))).toBe(true)
  const bad: Partial<Entry>[] = [
    { namespaceId: new Uint8Array(31) },
    { subspaceId: new Uint8Array(33) },
    { payloadDigest: new Uint8Array(0) },
    { timestamp: -1n },
    { timestamp: 2n ** 64n },
    { payloadLength: 2n ** 64n },
  ]
  for (const fields of bad) expect(() => createEntry({ ...good, ...fields })).toThrow(RangeError)
  expect(() => createEntry({ ...good, timestamp: 1 as unknown as bigint })).toThrow(TypeError)
})
