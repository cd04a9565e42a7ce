import { openMemoryStore, type Store } from '@vudo/storage'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase, type Database } from '@vudo/sync'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { keyOf, Lab } from './replica-lab.ts'
import { createWireTap } from './wire-tap.ts'

/** A store whose writes wait for a gate. */
async function slowStore(): Promise<{ store: Store; hold: () => () => void }> {
  const memory = await openMemoryStore()
  onTestFinished(() => memory.close())
  let gate: Promise<void> | undefined
  const store = new Proxy(memory, {
    get(target, name) {
      if (name === 'write') {
        return async (...operations: Parameters<Store['write']>) => {
          await gate
          return target.write(...operations)
        }
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    return resolve
  }
  return { store, hold }
}

async function device(
  name: string,
  store: Store,
): Promise<{ database: Database; network: FakeNetwork }> {
  const network = createFakeNetwork(name)
  const database = await openDatabase({ id: 'db', store, author: keyOf(name), network })
  onTestFinished(() => database.close())
  await database.whenReady()
  return { database, network }
}

test('an edit is answered as received, and as stored only after its durable write', () => {
  const tap = createWireTap()
  let isHeld = false
  const holdsWrites = (name: string): boolean => isHeld && name === 'b'
  const lab = new Lab({ tamper: tap.tamper, holdsWrites })
  const [a, b] = [lab.node('a'), lab.node('b')]
  lab.connect(a, b)
  a.edit('notes/x', (doc) => doc.lines.push('1'), { lines: [] })
  lab.settle()
  isHeld = true
  tap.reset()
  a.edit('notes/x', (doc) => doc.lines.push('2'))
  lab.settle()
  expect(b.read('notes/x')).toEqual({ lines: ['1', '2'] })
  expect(tap.progress).toBe('b 1 0')
  expect(tap.names).not.toContain('b kept')
  isHeld = false
  lab.releaseWrites()
  lab.settle()
  expect(tap.progress).toBe('b 1 1')
  expect(tap.names).toContain('b kept')
})

test('an edit is announced to peers only after its own durable write', () => {
  const tap = createWireTap()
  let isHeld = false
  const lab = new Lab({ tamper: tap.tamper, holdsWrites: (name) => isHeld && name === 'a' })
  const [a, b] = [lab.node('a'), lab.node('b')]
  lab.connect(a, b)
  lab.settle()
  isHeld = true
  tap.reset()
  a.edit('notes/x', (doc) => (doc.n = 1))
  lab.settle()
  expect(tap.names.filter((name) => name.startsWith('a'))).toEqual([])
  isHeld = false
  lab.releaseWrites()
  lab.settle()
  expect(b.read('notes/x')).toEqual({ n: 1 })
})

test('a write that fails acknowledges nothing, then or later', () => {
  const tap = createWireTap()
  let isHeld = false
  const lab = new Lab({ tamper: tap.tamper, holdsWrites: (name) => isHeld && name === 'b' })
  const [a, b] = [lab.node('a'), lab.node('b')]
  lab.connect(a, b)
  a.edit('notes/x', (doc) => doc.lines.push('1'), { lines: [] })
  lab.settle()
  isHeld = true
  tap.reset()
  a.edit('notes/x', (doc) => doc.lines.push('2'))
  lab.settle()
  b.input({ type: 'persist-failed', token: -1, error: new Error('no space') })
  lab.releaseWrites()
  a.edit('notes/x', (doc) => doc.lines.push('3'))
  lab.settle()
  expect(tap.names.filter((name) => name.startsWith('b') && name.endsWith('stored'))).toEqual([])
  expect(b.events.at(-1)).toMatchObject({ type: 'failed' })
})

test('whenSynced waits for the disk of the peer, or only for its memory, as asked', async () => {
  const slow = await slowStore()
  const [a, b] = [await device('a', await openMemoryStore()), await device('b', slow.store)]
  connectNetworks(a.network, b.network, 'db')
  const note = await a.database.open('notes/x', { lines: [] as string[] })
  await note.whenSynced()
  const release = slow.hold()
  note.change((doc) => doc.lines.push('1'))
  let isStored = false
  const stored = note.whenSynced({ durability: 'stored' }).then(() => (isStored = true))
  const all = a.database.whenSynced().then(() => (isStored = true))
  await note.whenSynced({ durability: 'received' })
  expect(await b.database.readDoc('notes/x')).toEqual({ lines: ['1'] })
  // A second round trip: an early acknowledgement would have come with it.
  note.change((doc) => doc.lines.push('2'))
  await note.whenSynced({ durability: 'received', with: b.network.peerId })
  expect([isStored, note.storedBy]).toEqual([false, 0])
  release()
  await Promise.all([stored, all])
  await note.whenSynced()
  expect(note.storedBy).toBe(1)
})

test('a quorum counts peers, and each of them once', async () => {
  const hub = await device('a', await openMemoryStore())
  const b = await device('b', await openMemoryStore())
  connectNetworks(hub.network, b.network, 'db')
  const note = await hub.database.open('notes/x', { lines: [] as string[] })
  let isReached = false
  const both = note.whenSynced({ quorum: 2 }).then(() => (isReached = true))
  await note.whenSynced({ quorum: 1 })
  note.change((doc) => doc.lines.push('again'))
  await note.whenSynced({ with: b.network.peerId })
  expect(isReached).toBe(false)
  const c = await device('c', await openMemoryStore())
  connectNetworks(hub.network, c.network, 'db')
  await both
  await note.whenSynced({ quorum: 2 })
  expect(note.storedBy).toBe(2)
})

test('what peers have confirmed is known after a restart, without any of them', async () => {
  const store = await openMemoryStore()
  const [a, b] = [await device('a', store), await device('b', await openMemoryStore())]
  connectNetworks(a.network, b.network, 'db')
  const note = await a.database.open('notes/x', { n: 1 })
  await note.whenSynced()
  // Acknowledgements are written with the next batch.
  await a.database.whenReady()
  await a.database.close()
  const again = await device('a', store)
  const reopened = await again.database.open('notes/x', { n: 1 })
  expect(reopened.storedBy).toBe(1)
  expect(again.database.status).toMatchObject({ state: 'offline', ahead: 0 })
  reopened.change((doc) => (doc.n = 2))
  expect(reopened.storedBy).toBe(0)
  expect(again.database.status.ahead).toBe(1)
})

test('a handle counts the changes of its document', async () => {
  const { database } = await device('a', await openMemoryStore())
  const note = await database.open('notes/x', { title: 'one', lines: [] as string[] })
  // One change for each key of the initial value.
  expect(note.changeCount).toBe(2)
  note.change((doc) => {
    doc.lines.push('1')
    doc.lines.push('2')
  })
  expect(note.changeCount).toBe(3)
  note.change(() => {})
  expect(note.changeCount).toBe(3)
  await note.close()
  expect(() => note.changeCount).toThrow(expect.objectContaining({ code: 'ERR_HANDLE_CLOSED' }))
})
