/** Scans over pages see what was there when they began, whatever is written between the pages. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FrozenScan } from '../src/frozen-scan.ts'
import { MAX_SCAN_REPLACED_BYTES } from '../src/limits.ts'
import { MemoryDatabase } from '../src/memory-database.ts'
import { compareKeys, isInRange } from '../src/sorted-records.ts'
import type { DatabaseOperation } from '../src/write-queue.ts'

type Records = Map<string, { key: Uint8Array; value: Uint8Array }>

/** Few and short, so that they meet each other, and that one is the beginning of another. */
const key = fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 })
const operation: fc.Arbitrary<DatabaseOperation> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key, value: fc.uint8Array({ maxLength: 2 }) }),
  fc.record({ type: fc.constant('del' as const), key }),
)
const range = fc.oneof(
  fc.record({ gte: key, lt: key }),
  fc.record({ gt: key, lt: key }),
  fc.constant({ gte: new Uint8Array(), lt: Uint8Array.of(9) }),
)

function apply(records: Records, operations: readonly DatabaseOperation[]): void {
  for (const one of operations) {
    if (one.type === 'put') records.set(one.key.join(), one)
    else records.delete(one.key.join())
  }
}

it('gives the range as it was, in order, each record once', async () => {
  const writes = fc.array(operation, { maxLength: 12 })
  const step = fc.record({ count: fc.integer({ min: 1, max: 5 }), before: writes })
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 60 }),
      range,
      fc.boolean(),
      fc.array(step, { maxLength: 30 }),
      async (first, bounds, isReverse, steps) => {
        const model: Records = new Map()
        const database = new MemoryDatabase()
        const write = async (operations: readonly DatabaseOperation[]): Promise<void> => {
          apply(model, operations)
          await database.commit([...operations])
        }
        await write(first)
        const expected = [...model.values()]
          .filter((record) => isInRange(record.key, bounds))
          .toSorted((a, b) => compareKeys(a.key, b.key) * (isReverse ? -1 : 1))
          .map((record) => [record.key, record.value])
        const cursor = await database.cursor(bounds, isReverse)
        const found: unknown[] = []
        for (const { count, before } of [...steps, ...endless(expected.length)]) {
          await write(before)
          const page = (await cursor.next(count)) ?? []
          expect(page.length).toBeLessThanOrEqual(count)
          if (page.length === 0) break
          found.push(...page)
        }
        expect(found).toEqual(expected)
        await cursor.close()
        await database.close()
      },
    ),
    { numRuns: 500 },
  )
})

/** Steps to the end of a scan, one more than it can need. */
function endless(count: number): { count: number; before: DatabaseOperation[] }[] {
  return Array.from({ length: count + 1 }, () => ({ count: 1, before: [] }))
}

it('ends when more is replaced under it than it may keep, and frees it', async () => {
  const scan = new FrozenScan({
    range: { gte: new Uint8Array(), lt: Uint8Array.of(9) },
    isReverse: false,
    read: () => Promise.resolve({ entries: [], isLast: true }),
    onClose: () => undefined,
  })
  const half = new Uint8Array(MAX_SCAN_REPLACED_BYTES / 2)
  scan.keep(Uint8Array.of(1), half)
  expect(scan.wants(Uint8Array.of(1))).toBe(false)
  scan.keep(Uint8Array.of(2), half)
  await expect(scan.next(1)).rejects.toMatchObject({ code: 'ERR_STORE_LIMIT' })
})
