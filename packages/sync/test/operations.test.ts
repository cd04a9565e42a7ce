import { openMemoryStore, type Store } from '@vudo/storage'
import { afterEach, expect, test } from 'vitest'
import { openDatabase, type Database } from '@vudo/sync'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { ProgressMeter } from '../src/sync-progress.ts'
import { keyOf } from './replica-lab.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function device(
  name: string,
  store?: Store,
): Promise<{ database: Database; network: FakeNetwork; store: Store }> {
  const own = store ?? (await openMemoryStore())
  const network = createFakeNetwork(name)
  const database = await openDatabase({ id: 'db', store: own, author: keyOf(name), network })
  closers.push(() => database.close())
  return { database, network, store: own }
}

test('operations become documents, in the order of each id, whatever is wrong with others', async () => {
  const { database } = await device('a')
  const report = await database.addOperations(
    [
      { type: 'CreateNode', id: 'user:123', data: { name: 'Alice', tags: ['x'] } },
      { type: 'UpdateNode', id: 'user:123', data: { name: 'Bob' } },
      { type: 'CreateNode', id: 'user:..', data: {} },
      { type: 'UpsertNode', id: 'user/124', data: { name: 'Carol' } },
      { type: 'UpsertNode', id: 'user:125' },
      { type: 'DeleteNode', id: 'user:124' },
    ],
    { maxBatchSize: 2 },
  )
  expect(report.applied).toBe(4)
  expect(report.rejected.map(({ index }) => index)).toEqual([2, 4])
  expect(await database.readDoc('user/123')).toEqual({ name: 'Bob', tags: ['x'] })
  expect(await database.readDoc('user/124')).toBeUndefined()
  await expect(database.addOperations([], { maxBatchSize: 0 })).rejects.toThrow(RangeError)
})

test('the outbox survives a restart and empties when a peer has stored it', async () => {
  const a = await device('a')
  const operations = Array.from({ length: 30 }, (_, at) => {
    return { type: 'CreateNode', id: `user:${at}`, data: { at } } as const
  })
  expect(await a.database.addOperations(operations)).toEqual({ applied: 30, rejected: [] })
  await a.database.close()
  const again = await device('a', a.store)
  expect(again.database.getSyncStatus()).toMatchObject({ isActive: false, pendingOperations: 30 })
  const b = await device('b')
  connectNetworks(again.network, b.network, 'db')
  await expect.poll(() => again.database.status.peers.map(({ state }) => state)).toContain('synced')
  await again.database.syncWithPeer(b.network.peerId)
  await expect.poll(() => again.database.getSyncStatus().pendingOperations).toBe(0)
  expect(again.database.getSyncStatus()).toMatchObject({ isActive: false, progress: undefined })
  expect(again.database.documentStatus('user/7')).toMatchObject({
    state: 'stored',
    storedBy: [b.network.peerId],
  })
  expect(again.database.documentStatus('user/none')).toBeUndefined()
  expect(b.database.documentStatus('user/7')?.heads).toHaveLength(1)
})

test('a version vector counts the changes of each run of an author', async () => {
  const { database } = await device('a')
  const note = await database.open('notes/x', { n: 0 })
  note.change((doc) => (doc.n = 1))
  note.change((doc) => (doc.n = 2))
  expect([...note.versionVector.values()].toSorted((a, b) => a - b)).toEqual([1, 2])
  await note.close()
})

test('progress says what is done of all, and guesses what is left by the pace', () => {
  const meter = new ProgressMeter()
  expect(meter.progress(0)).toBeUndefined()
  meter.note(10, 1_000)
  expect(meter.progress(1_000)).toEqual({ done: 0, total: 10, remainingMs: undefined })
  meter.note(5, 2_000)
  expect(meter.progress(2_000)).toEqual({ done: 5, total: 10, remainingMs: 1_000 })
  meter.note(15, 2_000)
  expect(meter.progress(2_000)).toMatchObject({ done: 5, total: 20 })
  meter.note(0, 4_000)
  expect(meter.progress(4_000)).toBeUndefined()
})
