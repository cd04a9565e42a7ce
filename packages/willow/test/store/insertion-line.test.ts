import type { AuthorisedEntry } from '@vudo/meadowcap'
import { expect, it } from 'vitest'
import { MAX_BATCH_ENTRIES } from '../../src/limits.ts'
import { InsertionLine, type InsertionJob } from '../../src/store/insertion-line.ts'
import type { InsertOutcome } from '../../src/store/store.ts'
import { Turns } from '../../src/store/turns.ts'

const entry = {} as AuthorisedEntry
const duplicate: InsertOutcome = { status: 'duplicate' }

/** A line behind a task that lasts until `open` is called, and the jobs of each transaction. */
function createLine(insert: (jobs: readonly InsertionJob[]) => void = () => undefined) {
  const turns = new Turns()
  const gate = Promise.withResolvers<void>()
  void turns.take(() => gate.promise)
  const transactions: (readonly InsertionJob[])[] = []
  const line = new InsertionLine(
    async (jobs) => {
      transactions.push(jobs)
      insert(jobs)
      return jobs.map(({ entries }) => entries.map(() => duplicate))
    },
    (task) => turns.take(task),
  )
  const add = (count: number, origin: string): Promise<InsertOutcome[]> =>
    line.add({ entries: Array.from({ length: count }, () => entry), origin })
  return { add, open: gate.resolve, transactions }
}

const originsOf = (transactions: readonly (readonly InsertionJob[])[]): unknown =>
  transactions.map((jobs) => jobs.map(({ origin }) => origin))

it('puts what waits together in one transaction, and gives each its own outcomes', async () => {
  const { add, open, transactions } = createLine()
  const waiting = [add(1, 'a'), add(2, 'b'), add(3, 'c')]
  open()
  expect((await Promise.all(waiting)).map(({ length }) => length)).toEqual([1, 2, 3])
  expect(originsOf(transactions)).toEqual([['a', 'b', 'c']])
})

it('begins another transaction where one would be too large, in the same order', async () => {
  const { add, open, transactions } = createLine()
  const waiting = [
    add(MAX_BATCH_ENTRIES - 1, 'a'),
    add(1, 'b'),
    add(1, 'c'),
    add(MAX_BATCH_ENTRIES, 'd'),
    add(1, 'e'),
  ]
  open()
  await Promise.all(waiting)
  expect(originsOf(transactions)).toEqual([['a', 'b'], ['c'], ['d'], ['e']])
})

it('tells everybody of a transaction that it failed, and goes on', async () => {
  const failure = new Error('planted')
  let isBroken = true
  const { add, open } = createLine(() => {
    if (isBroken) throw failure
  })
  const waiting = [add(1, 'a'), add(1, 'b')]
  open()
  const outcomes = await Promise.allSettled(waiting)
  expect(outcomes).toEqual(waiting.map(() => ({ status: 'rejected', reason: failure })))
  isBroken = false
  expect(await add(1, 'c')).toEqual([duplicate])
})
