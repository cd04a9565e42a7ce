import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  areaIncludesEntry,
  compareRecency,
  createAreaOfInterest,
  fullArea,
  intersectAreasOfInterest,
  MAX_U64,
  selectOfInterest,
  subspaceArea,
  type AreaOfInterest,
} from '@vudo/meadowcap'
import { idOf, tinyArea, tinyEntry } from '../arbitraries.ts'

it('selects the newest of the area, as many as both limits allow', () => {
  const entries = fc.array(tinyEntry, { maxLength: 15 })
  const limit = fc.bigInt({ min: 0n, max: 4n })
  fc.assert(
    fc.property(tinyArea, limit, limit, entries, (area, maxCount, maxSize, all) => {
      const selected = selectOfInterest(createAreaOfInterest({ area, maxCount, maxSize }), all)
      const inside = all.filter((entry) => areaIncludesEntry(area, entry))
      const left = inside.filter((entry) => !selected.includes(entry))
      const size = selected.reduce((sum, entry) => sum + entry.payloadLength, 0n)
      expect(maxCount === 0n || BigInt(selected.length) <= maxCount).toBe(true)
      expect(size <= maxSize).toBe(true)
      for (const out of left) {
        for (const chosen of selected) expect(compareRecency(chosen, out)).toBeGreaterThanOrEqual(0)
      }
      // Whoever is left out is left out for a reason.
      const isFull = maxCount !== 0n && BigInt(selected.length) === maxCount
      const isTooLarge = left.some((out) => size + out.payloadLength > maxSize)
      expect(left.length === 0 || isFull || isTooLarge).toBe(true)
    }),
    { numRuns: 500 },
  )
})

function limits([a, b]: [AreaOfInterest, AreaOfInterest]): unknown {
  const common = intersectAreasOfInterest(a, b)
  return [common?.maxCount, common?.maxSize]
}

it('takes no limit for infinity when two interests meet', () => {
  const none = createAreaOfInterest({ area: fullArea })
  const five = createAreaOfInterest({ area: fullArea, maxCount: 5n, maxSize: 0n })
  expect(limits([none, five])).toEqual([5n, 0n])
  expect(limits([five, none])).toEqual([5n, 0n])
  expect(limits([none, none])).toEqual([0n, MAX_U64])
  expect(createAreaOfInterest({ area: fullArea, maxCount: MAX_U64 }).maxCount).toBe(0n)
  const mine = createAreaOfInterest({ area: subspaceArea(idOf(1)) })
  const yours = createAreaOfInterest({ area: subspaceArea(idOf(2)) })
  expect(intersectAreasOfInterest(mine, yours)).toBeUndefined()
})
