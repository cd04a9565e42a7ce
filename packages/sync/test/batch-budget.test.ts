import { deflateRawSync } from 'node:zlib'
import type * as Zlib from 'node:zlib'
import * as Automerge from '@automerge/automerge'
import { concatBytes, createByteWriter } from '@vudo/wire'
import { beforeEach, expect, test, vi } from 'vitest'
import { applyBatch } from '../src/apply-batch.ts'
import { readChanges } from '../src/automerge-chunks.ts'
import { createBatchBudget } from '../src/batch-budget.ts'
import {
  FEW_INFLATED_BYTES,
  FEW_OPERATIONS,
  MAX_BATCH_OPERATIONS,
  MAX_INFLATED_BYTES,
  MAX_INFLATE_RATIO,
} from '../src/limits.ts'
import {
  changeBody,
  chunk,
  denseBytes,
  documentBody,
  manyColumns,
  oneRun,
} from './hostile-chunks.ts'
import { Lab } from './replica-lab.ts'

/** What was really inflated, whatever the sources say about it. */
const inflated = vi.hoisted(() => ({ bytes: 0 }))
vi.mock('node:zlib', async (original) => {
  const zlib = await original<typeof Zlib>()
  const inflateRawSync: typeof Zlib.inflateRawSync = (bytes, options) => {
    const result = zlib.inflateRawSync(bytes, options)
    inflated.bytes += result.length
    return result
  }
  return { ...zlib, inflateRawSync }
})
beforeEach(() => {
  inflated.bytes = 0
})

const tooLarge = expect.objectContaining({ code: 'ERR_DOCUMENT_TOO_LARGE' }) as Error

/** Hands a batch of changes to a document as a peer's batch comes in. */
function receive(batch: { payload: Uint8Array; isDeflated?: boolean; isSaved?: boolean }): void {
  const state = new Lab().node('victim').open('notes/x')
  const rules = { database: 'lab', mayWrite: () => true }
  const rest = { isAnswer: false, isSaved: false, isDeflated: false, heads: [], proofs: [] }
  applyBatch(state, { ...rest, ...batch }, rules)
}

test('levels that are compressed into each other draw on one budget', () => {
  const column = denseBytes(45_000)
  const body = changeBody(manyColumns(60, column))
  const deflated = chunk('deflated', body)
  const chunks = concatBytes(...Array.from({ length: 200 }, () => deflated))
  const payload = deflateRawSync(chunks, { level: 9 })
  // Each level alone keeps the ratio, which is why a limit for each is none.
  expect(45_000 / column.length).toBeLessThan(MAX_INFLATE_RATIO)
  expect(body.length / deflated.length).toBeLessThan(MAX_INFLATE_RATIO)
  expect(chunks.length / payload.length).toBeLessThan(MAX_INFLATE_RATIO)
  expect(200 * 60 * 45_000).toBeGreaterThan(100_000 * payload.length)
  expect(() => receive({ payload, isDeflated: true })).toThrow(tooLarge)
  expect(inflated.bytes).toBeLessThanOrEqual(FEW_INFLATED_BYTES)
})

test('many chunks of one batch draw on one budget', () => {
  const deflated = chunk('deflated', changeBody(manyColumns(2, denseBytes(600_000))))
  const dense = denseBytes(600_000)
  const one = chunk('change', changeBody(manyColumns(2, dense)))
  const payload = concatBytes(...Array.from({ length: 60 }, () => [one, deflated]).flat())
  expect(600_000 / dense.length).toBeLessThan(MAX_INFLATE_RATIO)
  expect(payload.length * MAX_INFLATE_RATIO).toBeGreaterThan(MAX_INFLATED_BYTES)
  expect(() => receive({ payload })).toThrow(tooLarge)
  expect(inflated.bytes).toBeLessThanOrEqual(MAX_INFLATED_BYTES)
})

test.each(['changes', 'operations'])(
  'the columns of %s in a saved document draw on it',
  (table) => {
    const columns = manyColumns(60, denseBytes(1_500_000))
    const body = table === 'changes' ? documentBody(columns, []) : documentBody([], columns)
    expect(() => receive({ payload: chunk('document', body), isSaved: true })).toThrow(tooLarge)
    expect(inflated.bytes).toBeLessThanOrEqual(MAX_INFLATED_BYTES)
  },
)

test('runs of many chunks are summed, in whatever column they stand', () => {
  const run = oneRun(FEW_OPERATIONS - 1, Uint8Array.of(1))
  for (const [kind, column] of [
    [0x42, run],
    [0x13, run],
    [0x34, run.subarray(0, -1)],
    [0x70, oneRun(1, Uint8Array.of(0x9f, 0x8d, 6))],
  ] as const) {
    const one = chunk('change', changeBody([[kind, column]]))
    expect(() => readChanges(one), `column ${kind}`).not.toThrow()
    const many = concatBytes(...Array.from({ length: 4 }, () => one))
    expect(() => readChanges(many), `column ${kind}`).toThrow(tooLarge)
  }
})

test('changes count although they do nothing', () => {
  const changes = chunk('change', changeBody([]))
  const many = new Uint8Array(changes.length * (FEW_OPERATIONS + 1))
  for (let at = 0; at < many.length; at += changes.length) many.set(changes, at)
  expect(() => readChanges(many, createBatchBudget(100))).toThrow(tooLarge)
})

test('a long name that one run repeats is counted as often as it would be read', () => {
  const name = createByteWriter().prefixed(new Uint8Array(1_000).fill(97)).finish()
  const changes = chunk('change', changeBody([[0x15, oneRun(90_000, name)]]))
  expect(() => readChanges(changes)).toThrow(tooLarge)
})

test('an earlier column cannot be hidden by a later one of the same number: both are refused', () => {
  const [makes, sets] = [oneRun(1, Uint8Array.of(0)), oneRun(1, Uint8Array.of(1))]
  const change = chunk(
    'change',
    changeBody([
      [0x42, makes],
      [0x42, sets],
    ]),
  )
  expect(() => readChanges(change)).toThrow(/a column comes twice/)
})

test('a budget grows with the bytes of its batch, between a floor and a ceiling', () => {
  expect(createBatchBudget(1)).toMatchObject({
    inflatedLeft: FEW_INFLATED_BYTES,
    operationsLeft: FEW_OPERATIONS,
  })
  expect(createBatchBudget(100_000).inflatedLeft).toBe(100_000 * MAX_INFLATE_RATIO)
  expect(createBatchBudget(MAX_INFLATED_BYTES)).toMatchObject({
    inflatedLeft: MAX_INFLATED_BYTES,
    operationsLeft: MAX_BATCH_OPERATIONS,
  })
})

test('a short document that compresses well is no bomb', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  const blank = new Automerge.ImmutableString(' '.repeat(10_000))
  a.edit('notes/x', (doc) => (doc.blank = blank))
  lab.connect(a, b)
  lab.settle()
  expect(b.events.filter(({ type }) => type === 'peer:fault')).toEqual([])
  expect(b.picture).toBe(a.picture)
})
