import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  areaIncludes,
  areaIncludesEntry,
  areasEqual,
  areaTo3dRange,
  createArea,
  createEntry,
  createPath,
  fullArea,
  full3dRange,
  idSuccessor,
  intersect3dRanges,
  intersectAreas,
  range3dIncludes,
  range3dIncludesEntry,
  ranges3dEqual,
  subspaceArea,
  timeRanges,
  type Entry,
} from '@vudo/meadowcap'
import { idOf, tinyArea, tinyId, tinyPath } from '../arbitraries.ts'
import { areaOf, example, rangeOf, type JsonArea, type JsonRange3d } from '../examples.ts'

const place: fc.Arbitrary<Entry> = fc
  .record({
    namespaceId: fc.constant(idOf(0)),
    subspaceId: tinyId,
    path: tinyPath,
    timestamp: fc.bigInt({ min: 0n, max: 5n }),
    payloadLength: fc.constant(0n),
    payloadDigest: fc.constant(idOf(0)),
  })
  .map(createEntry)

it('agrees with membership on inclusion and intersection', () => {
  fc.assert(
    fc.property(tinyArea, tinyArea, fc.array(place, { maxLength: 30 }), (a, b, places) => {
      const common = intersectAreas(a, b)
      const box = areaTo3dRange(a)
      const commonBox = intersect3dRanges(box, areaTo3dRange(b))
      expect(commonBox === undefined).toBe(common === undefined)
      const includesB = areaIncludes(a, b)
      expect(includesB).toBe(common !== undefined && areasEqual(common, b))
      expect(range3dIncludes(box, areaTo3dRange(b))).toBe(includesB)
      for (const entry of places) {
        const [inA, inB] = [areaIncludesEntry(a, entry), areaIncludesEntry(b, entry)]
        expect(common !== undefined && areaIncludesEntry(common, entry)).toBe(inA && inB)
        expect(range3dIncludesEntry(box, entry)).toBe(inA)
        expect(includesB && inB && !inA).toBe(false)
      }
    }),
    { numRuns: 1000 },
  )
})

it('gives the intersections of the examples', () => {
  const cases = example('areaIntersection') as {
    a: JsonArea
    b: JsonArea
    result: JsonArea | null
  }[]
  for (const { a, b, result } of cases) {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const found = intersectAreas(areaOf(x), areaOf(y))
      const expected = result === null ? undefined : areaOf(result)
      expect(found?.times).toEqual(expected?.times)
      expect(found?.path.toString()).toBe(expected?.path.toString())
      expect(found?.subspaceId).toEqual(expected?.subspaceId)
    }
  }
})

it('gives the 3d ranges of the examples', () => {
  for (const { area, range } of example('areaTo3dRange') as {
    area: JsonArea
    range: JsonRange3d
  }[]) {
    expect(ranges3dEqual(areaTo3dRange(areaOf(area)), rangeOf(range))).toBe(true)
  }
  expect(ranges3dEqual(areaTo3dRange(fullArea), full3dRange)).toBe(true)
  const last = areaTo3dRange(subspaceArea(idOf(0xff)))
  expect([last.subspaces.end, idSuccessor(idOf(0xff))]).toEqual([undefined, undefined])
})

it('has no empty ranges', () => {
  expect(() => timeRanges.create(5n, 5n)).toThrow(RangeError)
  expect(() => timeRanges.create(6n, 5n)).toThrow(RangeError)
  expect(() => timeRanges.create(-1n)).toThrow(RangeError)
  expect(() => createArea({ times: { start: 2n, end: 1n } })).toThrow(RangeError)
  expect(() => createArea({ subspaceId: new Uint8Array(3) })).toThrow(RangeError)
  expect(timeRanges.intersect(timeRanges.create(0n, 5n), timeRanges.create(5n))).toBeUndefined()
  expect(createArea({ path: createPath(['a']) }).times.end).toBeUndefined()
})
