import * as Automerge from '@automerge/automerge'
import { createRandom } from '@vudo/testing'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { readChanges, vetDocument } from '../src/automerge-chunks.ts'
import { createBatchBudget } from '../src/batch-budget.ts'
import { VET_FIRST_OPERATIONS } from '../src/limits.ts'
import { createVetting, type Vetting, type VettingInit } from '../src/vetting.ts'

/** More operations than are opened at once, and within every limit of the static pass. */
let costly: { readonly saved: Uint8Array; readonly heads: readonly string[] }

beforeAll(() => {
  const random = createRandom(7)
  const letters = Array.from({ length: 520_000 }, () => String.fromCharCode(97 + random.int(26)))
  const doc = Automerge.from({ text: letters.join('') })
  costly = { saved: Automerge.save(doc), heads: Automerge.getHeads(doc) }
  Automerge.free(doc)
})

afterAll(() => {
  costly = { saved: new Uint8Array(), heads: [] }
})

function vettingOf(init?: VettingInit): Vetting {
  const vetting = createVetting(init)
  onTestFinished(() => vetting.close())
  return vetting
}

test('a large document is within the static limits, and beyond what is opened at once', () => {
  const budget = createBatchBudget(costly.saved.length)
  vetDocument(costly.saved, budget)
  expect(budget.operationsTaken).toBeGreaterThan(VET_FIRST_OPERATIONS)
})

test('what can be opened within its time is fine, and its heads are told', async () => {
  expect(await vettingOf().vet([costly.saved])).toEqual({
    type: 'fine',
    operations: 520_001,
    changes: 1,
    heads: costly.heads,
  })
})

test('what takes too long is stopped in the middle, and the next one has its turn', async () => {
  const vetting = vettingOf({ maxCpuMs: 200 })
  const small = Automerge.save(Automerge.from({ text: 'small' }))
  const verdicts = await Promise.all([vetting.vet([costly.saved]), vetting.vet([small])])
  expect(verdicts).toMatchObject([
    { type: 'refused', reason: expect.stringContaining('more than 200 ms of CPU') },
    { type: 'fine', changes: 1 },
  ])
})

test('the clock ends what gets no CPU', async () => {
  const vetting = vettingOf({ maxWallMs: 1 })
  expect(await vetting.vet([costly.saved])).toMatchObject({ type: 'refused' })
})

function turn(): Promise<number> {
  return new Promise((resolve) => setImmediate(resolve, 1))
}

test('the application goes on while a document is opened', async () => {
  const vetting = vettingOf()
  const verdict = vetting.vet([costly.saved])
  const open = verdict.then(() => undefined)
  let turns = 0
  while ((await Promise.race([open, turn()])) !== undefined) turns += 1
  // Opened in this thread, it would have been one or two.
  expect(turns).toBeGreaterThan(100)
})

test('content that is poison is found out in the thread', async () => {
  const nested: Record<string, unknown> = {}
  let inner = nested
  for (let depth = 0; depth < 80; depth++) inner = inner['in'] = {}
  const saved = Automerge.save(Automerge.from({ nested }))
  expect(await vettingOf().vet([saved])).toEqual({
    type: 'refused',
    reason: expect.stringContaining('deeper than 64'),
  })
})

test('what is to be added is opened upon what is there', async () => {
  const base = Automerge.from({ list: [1] })
  const more = Automerge.change(Automerge.clone(base), (doc) => doc.list.push(2))
  const added = Automerge.saveSince(more, Automerge.getHeads(base))
  expect(readChanges(added)).toHaveLength(1)
  const verdict = await vettingOf().vet([Automerge.save(base), added])
  expect(verdict).toMatchObject({ changes: 2, heads: Automerge.getHeads(more) })
})

test('closing ends the thread, and whoever waits is told', async () => {
  const vetting = vettingOf()
  const waiting = Promise.all([vetting.vet([costly.saved]), vetting.vet([costly.saved])])
  await vetting.close()
  expect(await waiting).toMatchObject([{ type: 'refused' }, { type: 'refused' }])
  expect(await vetting.vet([costly.saved])).toMatchObject({ type: 'refused' })
})
