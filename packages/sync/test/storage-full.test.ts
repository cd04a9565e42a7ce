import { openMemoryStore, StoreError, type StoreView } from '@vudo/storage'
import { expect, test } from 'vitest'
import { openDatabase } from '@vudo/sync'
import { connectNetworks, createFakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'

interface Disk {
  isFull: boolean
}

/** A store whose disk can be filled. */
function fillable(store: StoreView, disk: Disk): StoreView {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'write' && disk.isFull) {
        return () => Promise.reject(new StoreError('ERR_STORE_FULL', 'no room'))
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('a full disk refuses edits, acknowledges nothing, and goes on when there is room', async () => {
  const disk: Disk = { isFull: false }
  const [networkA, networkB] = [createFakeNetwork('a'), createFakeNetwork('b')]
  const a = await openDatabase({
    id: 'db',
    store: fillable(await openMemoryStore(), disk),
    author: keyOf('a'),
    network: networkA,
  })
  const b = await openDatabase({
    id: 'db',
    store: await openMemoryStore(),
    author: keyOf('b'),
    network: networkB,
  })
  const told: string[] = []
  a.events.on('storage:full', () => told.push('full'))
  a.events.on('storage:writable', () => told.push('writable'))
  try {
    const note = await a.open<{ lines: string[] }>('notes/x', { lines: [] })
    await note.whenSaved()
    disk.isFull = true
    note.change((doc) => doc.lines.push('before it was known'))
    await expect(note.whenSaved()).rejects.toMatchObject({ code: 'ERR_STORAGE_FULL' })
    expect(() => note.change((doc) => doc.lines.push('refused'))).toThrow(
      expect.objectContaining({ code: 'ERR_STORAGE_FULL' }),
    )
    expect(told).toEqual(['full'])
    // What is in memory can be read.
    expect(note.current.lines).toEqual(['before it was known'])
    disk.isFull = false
    await expect.poll(() => told, { timeout: 20_000 }).toEqual(['full', 'writable'])
    note.change((doc) => doc.lines.push('after'))
    await note.whenSaved()
    connectNetworks(networkA, networkB, 'db')
    await note.whenSynced()
    expect(await b.readDoc('notes/x')).toEqual({ lines: ['before it was known', 'after'] })
  } finally {
    await Promise.all([a.close(), b.close()])
  }
})

test('a database on a full disk can be closed', async () => {
  const disk: Disk = { isFull: false }
  const store = fillable(await openMemoryStore(), disk)
  const a = await openDatabase({ id: 'db', store, author: keyOf('a') })
  await a.writeDoc('notes/x', { n: 1 })
  disk.isFull = true
  await expect(a.writeDoc('notes/x', { n: 2 })).rejects.toMatchObject({ code: 'ERR_STORAGE_FULL' })
  await a.close()
  expect(() => a.status).not.toThrow()
})
