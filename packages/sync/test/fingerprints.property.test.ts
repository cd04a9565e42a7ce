import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundsOf, cut, differences, rangesOf, type PathContent } from '../src/fingerprints.ts'
import { MAX_RANGES } from '../src/limits.ts'

const salt = '5a'.repeat(16)
const content = fc.record({
  path: fc.stringMatching(/^[a-d]{1,4}$/),
  records: fc.array(fc.constantFrom('r1', 'r2'), { maxLength: 2 }),
  documents: fc.array(fc.constantFrom('d1', 'd2', 'd3'), { maxLength: 1 }),
})
const store = fc
  .uniqueArray(content, { selector: ({ path }) => path, maxLength: 60 })
  .map((list) => list.toSorted((a, b) => (a.path < b.path ? -1 : 1)))

test('whatever two stores hold, everything that differs lies in a range that differs', () => {
  fc.assert(
    fc.property(store, store, (ours, theirs) => {
      const ranges = rangesOf(theirs, salt)
      const found = differences(ours, ranges, salt)
      const [own, other] = [cut(ours, boundsOf(ranges)), cut(theirs, boundsOf(ranges))]
      for (const kind of ['records', 'documents'] as const) {
        for (const number of ranges.keys()) {
          const linesOf = (part: readonly PathContent[] = []): string[] =>
            part.map((one) => [one.path, ...one[kind]].join(' '))
          const areSame =
            linesOf(own[number]?.part).join('\n') === linesOf(other[number]?.part).join('\n')
          expect(found[kind].includes(number)).toBe(!areSame)
        }
      }
      expect(own.flatMap(({ part }) => part)).toEqual(ranges.length > 0 ? ours : [])
    }),
  )
})

test('one change among ten thousand is one range, and another run has other fingerprints', () => {
  const paths = Array.from({ length: 10_000 }, (_, at) => ({
    path: `notes/${String(at).padStart(6, '0')}`,
    records: [`r${at}`],
    documents: [`d${at}`],
  }))
  const ranges = rangesOf(paths, salt)
  expect(ranges.length).toBe(2_500)
  const changed = paths.with(1_234, { path: 'notes/001234', records: ['r1234'], documents: ['d'] })
  expect(differences(changed, ranges, salt)).toEqual({ records: [], documents: [308] })
  expect(rangesOf(paths, '00'.repeat(16)).map(({ records }) => records)).not.toEqual(
    ranges.map(({ records }) => records),
  )
})

test('there are never more ranges than a message holds', () => {
  const paths = Array.from({ length: 30_000 }, (_, at) => ({
    path: `${String(at).padStart(6, '0')}/${'long'.repeat(200)}`,
    records: [],
    documents: [],
  }))
  expect(rangesOf(paths, salt).length).toBeLessThan(100)
  const short = paths.map(({ path }) => ({ path: path.slice(0, 6), records: [], documents: [] }))
  expect(rangesOf(short, salt).length).toBeLessThanOrEqual(MAX_RANGES)
})
