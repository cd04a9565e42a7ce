import { openMemoryStore, type Store } from '@vudo/storage'
import { afterEach, expect, test } from 'vitest'
import { documentIdToUrl, openDatabase, updateText, type Database, type Policy } from '@vudo/sync'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Device {
  readonly database: Database
  readonly network: FakeNetwork
  readonly store: Store
}

async function device(
  name: string,
  options: { store?: Store; policy?: Policy } = {},
): Promise<Device> {
  const store = options.store ?? (await openMemoryStore())
  const network = createFakeNetwork(name)
  const database = await openDatabase({
    id: 'db',
    store,
    author: keyOf(name),
    network,
    policy: options.policy,
  })
  closers.push(() => database.close())
  return { database, network, store }
}

async function pair(): Promise<[Database, Database]> {
  const [a, b] = [await device('a'), await device('b')]
  connectNetworks(a.network, b.network, 'db')
  return [a.database, b.database]
}

interface Note {
  title: string
  lines: string[]
}

test('a document opened here can be read there', async () => {
  const [a, b] = await pair()
  const note = await a.open<Note>('notes/today', { title: 'Hello', lines: [] })
  note.change((doc) => doc.lines.push('one'))
  await note.whenSynced()
  expect(await b.readDoc('notes/today')).toEqual({ title: 'Hello', lines: ['one'] })
  expect(await b.ls()).toMatchObject([{ path: 'notes/today', collection: 'notes', state: 'live' }])
  expect(note.storedBy).toBe(1)
  await expect.poll(() => a.status.state).toBe('synced')
})

test('writes by difference, so that edits of two devices both survive', async () => {
  const [a, b] = await pair()
  await a.writeDoc('notes/x', { title: 'abc', lines: ['1', '2'], deep: { left: 1, right: 1 } })
  await a.whenSynced()
  // Open on both sides: each begins from the same content.
  await Promise.all([a.readDoc('notes/x'), b.readDoc('notes/x')])
  await Promise.all([
    a.writeDoc('notes/x', { title: 'abcd', lines: ['0', '1', '2'], deep: { left: 2, right: 1 } }),
    b.writeDoc('notes/x', { title: '_abc', lines: ['1', '2', '3'], deep: { left: 1, right: 2 } }),
  ])
  await Promise.all([a.whenSynced(), b.whenSynced()])
  const expected = { title: '_abcd', lines: ['0', '1', '2', '3'], deep: { left: 2, right: 2 } }
  await expect.poll(() => a.readDoc('notes/x')).toEqual(expected)
  await expect.poll(() => b.readDoc('notes/x')).toEqual(expected)
})

test('a document that this author began with nothing in it is there', async () => {
  const [a] = await pair()
  await a.writeDoc('notes/x', {})
  expect(await a.readDoc('notes/x')).toEqual({})
})

test('tells the newest changes of a document, and which are in its history', async () => {
  const [a, b] = await pair()
  const note = await a.open<Note>('notes/x', { title: 'a', lines: [] })
  const { id, heads: first } = note
  note.change((doc) => doc.lines.push('one'))
  expect(a.headsOf(id)).toEqual(note.heads)
  await note.whenSynced()
  expect(b.headsOf(id)).toEqual(note.heads)
  expect(await b.hasHeads(id, note.heads)).toBe(true)
  expect(await b.hasHeads(id, first)).toBe(true)
  expect(await b.hasHeads(id, ['ab'.repeat(32)])).toBe(false)
  const unknown = documentIdToUrl('ab'.repeat(16))
  expect(b.headsOf(unknown)).toEqual([])
  expect(await b.hasHeads(unknown, first)).toBe(false)
  await expect(b.hasHeads('notes/x', first)).rejects.toMatchObject({ code: 'ERR_PATH_INVALID' })
})

test('reports changes with their origin to an iterable, a handle and the events', async () => {
  const [a, b] = await pair()
  const seen: string[] = []
  const ended = new AbortController()
  const reading = (async () => {
    for await (const change of b.changes('notes', { signal: ended.signal })) {
      seen.push(`${change.type} ${change.path} ${change.created}`)
      if (change.type === 'deleted') break
    }
  })()
  await a.writeDoc('other/y', { n: 1 })
  await a.writeDoc('notes/x', { n: 1 })
  await a.whenSynced()
  await a.remove('notes/x')
  await reading
  expect(seen[0]).toBe('changed notes/x true')
  expect(seen.at(-1)).toBe('deleted notes/x false')
  expect(await b.readDoc('notes/x')).toBeUndefined()
})

test('a document renamed keeps its history, one deleted can begin anew', async () => {
  const { database } = await device('a')
  const note = await database.open<Note>('notes/x', { title: 'one', lines: [] })
  await database.rename('notes/x', 'notes/y')
  expect(await database.readDoc('notes/y')).toEqual({ title: 'one', lines: [] })
  expect((await database.ls()).map(({ path }) => path)).toEqual(['notes/y'])
  note.change((doc) => updateText(doc, ['title'], 'two'))
  expect(await database.readDoc('notes/y')).toMatchObject({ title: 'two' })
  await database.remove('notes/y')
  expect(() => note.change((doc) => doc.lines.push('x'))).toThrow(
    expect.objectContaining({ code: 'ERR_DOCUMENT_DELETED' }),
  )
  await database.writeDoc('notes/y', { fresh: true })
  expect(await database.readDoc('notes/y')).toEqual({ fresh: true })
})

test('everything is there after closing and opening again', async () => {
  const first = await device('a')
  await first.database.writeDoc('notes/x', { title: 'kept' })
  await first.database.close()
  const second = await device('a', { store: first.store })
  expect(await second.database.readDoc('notes/x')).toEqual({ title: 'kept' })
  await expect(first.database.readDoc('notes/x')).rejects.toMatchObject({
    code: 'ERR_DATABASE_CLOSED',
  })
})

test('waiting ends with the signal, and with the database', async () => {
  const { database } = await device('a')
  const reason = new Error('enough')
  await expect(database.whenSynced({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const [waited] = await Promise.allSettled([database.whenSynced(), database.close()])
  expect(waited).toMatchObject({ status: 'rejected', reason: { code: 'ERR_DATABASE_CLOSED' } })
})

test('whoever may not write is told so', async () => {
  const { database } = await device('a', { policy: (_author, action) => action === 'read' })
  await expect(database.open('notes/x')).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })
  // Nobody is left waiting who would be told of the end with nobody to hear it.
  await expect(database.writeDoc('notes/x', {})).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })
  await expect(database.open('../x')).rejects.toMatchObject({ code: 'ERR_PATH_INVALID' })
})

test('a store that fails is reported, and nothing is accepted after it', async () => {
  const store = await openMemoryStore()
  const { database } = await device('a', { store })
  const note = await database.open<Note>('notes/x', { title: '', lines: [] })
  await note.whenSaved()
  await store.close()
  note.change((doc) => doc.lines.push('lost'))
  await expect(note.whenSaved()).rejects.toMatchObject({ code: 'ERR_SYNC_STORE' })
  expect(() => note.change((doc) => doc.lines.push('x'))).toThrow(
    expect.objectContaining({ code: 'ERR_SYNC_STORE' }),
  )
})

test('compares from scratch when asked, and again after the session is gone', async () => {
  const [a, b] = [await device('a'), await device('b')]
  await expect(a.database.syncWith(b.network.peerId)).rejects.toMatchObject({
    code: 'ERR_PEER_NOT_SYNCING',
  })
  const end = connectNetworks(a.network, b.network, 'db')
  await a.database.writeDoc('users/ann', { name: 'Ann' })
  await a.database.whenSynced()
  await a.database.syncWith(b.network.peerId, 'users/ann')
  end()
  await expect.poll(() => a.database.status.state).toBe('offline')
  await a.database.writeDoc('users/ann', { name: 'Anna' })
  expect(a.database.status.ahead).toBe(1)
  connectNetworks(a.network, b.network, 'db')
  await a.database.whenSynced({ with: b.network.peerId })
  expect(await b.database.readDoc('users/ann')).toEqual({ name: 'Anna' })
})

test('a thousand documents arrive', { timeout: 60_000 }, async () => {
  const [a, b] = [await device('a'), await device('b')]
  for (let at = 0; at < 1_000; at++) await a.database.open(`many/${at}`, { at })
  await a.database.whenReady()
  connectNetworks(a.network, b.network, 'db')
  await a.database.whenSynced()
  expect(await b.database.ls('many')).toHaveLength(1_000)
  expect(await b.database.readDoc('many/999')).toEqual({ at: 999 })
})

test('closing a database leaves the other of the same id on its network in touch', async () => {
  const [opener, network] = [await device('b'), createFakeNetwork('a')]
  // The lower id opens the channel: the two databases are on the side that takes it.
  expect(opener.network.peerId < network.peerId).toBe(true)
  const openSecond = async (name: string): Promise<Database> => {
    const [store, author] = [await openMemoryStore(), keyOf(name)]
    const database = await openDatabase({ id: 'db', store, author, network })
    closers.push(() => database.close())
    return database
  }
  const first = await openSecond('first')
  const second = await openSecond('second')
  await first.close()
  connectNetworks(opener.network, network, 'db')
  const note = await opener.database.open<Note>('notes/x', { title: 'for the second', lines: [] })
  await note.whenSynced({ signal: AbortSignal.timeout(20_000) })
  expect(await second.readDoc('notes/x')).toMatchObject({ title: 'for the second' })
})
