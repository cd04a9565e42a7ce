import { configureSyncEngine, resetSyncEngine, sync } from '@vudo/keepsync'
import { afterEach, expect, test, vi } from 'vitest'
import { createStore, type StoreApi } from 'zustand/vanilla'
import { startDevice, startPair } from './nodes.ts'

afterEach(() => resetSyncEngine())

interface Counter {
  count: number
  tags: string[]
  note?: string | undefined
  increment: () => void
}

function counterStore(
  options: { onInitError?: (error: unknown) => void; initTimeout?: number } = {},
): StoreApi<Counter> {
  return createStore<Counter>()(
    sync(
      (set) => ({
        count: 0,
        tags: [],
        increment: () => set(({ count }) => ({ count: count + 1 })),
      }),
      { docId: '/counter', ...options },
    ),
  )
}

test('the state is the content of a document, on every device', async () => {
  const [a, b] = await startPair()
  const store = counterStore()
  configureSyncEngine({ database: a.database })
  await vi.waitFor(
    async () => {
      expect(await b.database.readDoc('counter')).toEqual({ count: 0, tags: [] })
    },
    { timeout: 20_000 },
  )
  store.getState().increment()
  await vi.waitFor(
    async () => {
      expect(await b.database.readDoc('counter')).toEqual({ count: 1, tags: [] })
    },
    { timeout: 20_000 },
  )
  const before = store.getState()
  await b.database.writeDoc('counter', { count: 1, tags: ['theirs'], note: 'hello' })
  await vi.waitFor(
    () => expect(store.getState()).toMatchObject({ tags: ['theirs'], note: 'hello' }),
    { timeout: 20_000 },
  )
  expect(store.getState().increment).toBe(before.increment)
  await b.database.writeDoc('counter', { count: 1, tags: ['theirs'] })
  await vi.waitFor(() => expect(store.getState().note).toBeUndefined(), { timeout: 20_000 })
  // What is equal keeps its identity, also when the document comes back with a change elsewhere in it.
  const tags = ['ours']
  store.setState({ tags })
  await b.database.whenSynced()
  await vi.waitFor(
    async () => {
      expect(await b.database.readDoc('counter')).toEqual({ count: 1, tags: ['ours'] })
    },
    { timeout: 20_000 },
  )
  await b.database.writeDoc('counter', { count: 2, tags: ['ours'] })
  await vi.waitFor(() => expect(store.getState().count).toBe(2), { timeout: 20_000 })
  expect(store.getState().tags).toBe(tags)
})

test('a document that is there wins, except where the state was changed before it was open', async () => {
  const { database } = await startDevice()
  await database.writeDoc('counter', { count: 7, tags: ['stored'] })
  const store = counterStore()
  store.setState({ note: 'early' })
  configureSyncEngine({ database })
  await vi.waitFor(() => expect(store.getState()).toMatchObject({ count: 7, note: 'early' }), {
    timeout: 20_000,
  })
  expect(await database.readDoc('counter')).toEqual({ count: 7, tags: ['stored'], note: 'early' })
})

test('functions and undefined stay out of the document', async () => {
  const { database } = await startDevice()
  configureSyncEngine({ database })
  const store = counterStore()
  store.setState({ note: undefined, tags: ['x'] })
  await vi.waitFor(
    async () => {
      expect(await database.readDoc('counter')).toEqual({ count: 0, tags: ['x'] })
    },
    { timeout: 20_000 },
  )
  const own: { me?: unknown } = {}
  own.me = own
  expect(() => store.setState({ note: own as never })).toThrow(
    expect.objectContaining({ code: 'ERR_STATE_TOO_DEEP' }),
  )
})

test('a store that waits in vain says so', async () => {
  const error = await new Promise((resolve) =>
    counterStore({ initTimeout: 1, onInitError: resolve }),
  )
  expect(error).toMatchObject({ code: 'ERR_INIT_TIMEOUT' })
})

test('after a reset the store goes on alone', async () => {
  const { database } = await startDevice()
  configureSyncEngine({ database })
  const store = counterStore()
  store.getState().increment()
  await vi.waitFor(
    async () => {
      expect(await database.readDoc('counter')).toEqual({ count: 1, tags: [] })
    },
    { timeout: 20_000 },
  )
  await resetSyncEngine()
  store.getState().increment()
  expect(store.getState().count).toBe(2)
  expect(await database.readDoc('counter')).toEqual({ count: 1, tags: [] })
})
