/** Documents at their limit, and writes within those of the store: here with small numbers. */
import { randomBytes } from 'node:crypto'
import { openMemoryStore, StoreError, type Store, type StoreOperation } from '@vudo/storage'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openDatabase, type Database } from '@vudo/sync'
import type * as Limits from '../src/limits.ts'
import { chunkPrefix } from '../src/stored-keys.ts'
import { keyOf, Lab, type Node } from './replica-lab.ts'
import { createWireTap } from './wire-tap.ts'

const limits = vi.hoisted(() => ({
  MAX_DOCUMENT_BYTES: 20_000,
  MAX_CHUNK_BYTES: 3_000,
  MAX_FLUSH_OPERATIONS: 20,
  STORE_RETRY_DELAY_MS: 1,
}))
vi.mock('../src/limits.ts', async (original) => ({
  ...(await original<typeof Limits>()),
  ...limits,
}))

const tooLarge = expect.objectContaining({ code: 'ERR_DOCUMENT_TOO_LARGE' }) as unknown

const addTo = (bytes: number) => (doc: Record<string, unknown>) => {
  doc['blob'] = randomBytes(bytes)
}

function chunksOf(node: Node, path: string): Uint8Array[] {
  const { documentId } = node.replica.catalogue.winner(path)!
  return node.disk.scan(chunkPrefix(documentId)).map(({ value }) => value)
}

function warnings(node: Node): string[] {
  return node.events.flatMap((event) =>
    event.type === 'warning' && event.message.includes('ERR_DOCUMENT_TOO_LARGE') ? event.path : [],
  )
}

test('an edit beyond the limit is refused and leaves everything as it was', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  lab.connect(a, b)
  // Also the very first change of a document.
  expect(() => a.edit('big/doc', addTo(25_000))).toThrow(tooLarge)
  expect(a.read('big/doc')).toEqual({})
  a.edit('big/doc', (doc) => (doc['text'] = 'kept'))
  a.edit('big/doc', addTo(15_000))
  expect(() => a.edit('big/doc', addTo(6_000))).toThrow(tooLarge)
  // The number of the change that was refused is used again, and nobody minds.
  a.edit('big/doc', (doc) => (doc['text'] = 'after'))
  a.edit('other/doc', (doc) => (doc['n'] = 1))
  lab.settle()
  expect(a.events.filter(({ type }) => type === 'failed')).toEqual([])
  expect(b.picture).toBe(a.picture)
  a.crash()
  expect(a.read('big/doc')).toMatchObject({ text: 'after' })
  expect(a.replica.knownDocument(a.replica.catalogue.winner('big/doc')!.documentId)?.pins).toBe(0)
})

async function databaseOf(name: string): Promise<Database> {
  const store = await openMemoryStore()
  const database = await openDatabase({ id: 'db', store, author: keyOf(name) })
  onTestFinished(() => database.close())
  return database
}

test('a document of a file that would be too large with what is here is refused, and told', async () => {
  const [a, b] = [await databaseOf('a'), await databaseOf('b')]
  await a.writeDoc('big/doc', { a: randomBytes(12_000) })
  await b.writeDoc('big/doc', { b: randomBytes(12_000) })
  expect(await b.importSpace(await a.exportSpace())).toMatchObject({
    changed: 0,
    refused: [{ reason: expect.stringContaining('too large') }],
  })
  expect(Object.keys((await b.readDoc('big/doc')) ?? {})).toEqual(['b'])
})

test('what deflates is measured and not guessed', () => {
  const node = new Lab().node('a')
  // 300 bytes of each change are its frame: saved together they are a few.
  for (let at = 0; at < 300; at++) node.edit('log/x', (doc) => doc['n'].push(at), { n: [] })
  node.lab.settle()
  expect(node.read('log/x')).toMatchObject({
    n: expect.objectContaining({ length: 300 }) as object,
  })
})

test('an initial value beyond the limit is refused', async () => {
  const store = await openMemoryStore()
  const database = await openDatabase({ id: 'x', store, author: keyOf('a') })
  onTestFinished(() => database.close())
  await expect(database.open('a/b', { blob: randomBytes(25_000) })).rejects.toThrow(tooLarge)
  const other = await database.open('a/c', { n: 1 })
  await other.whenSaved()
})

test('an initial value that a stored document does not take is no failure of the store', async () => {
  const store = await openMemoryStore()
  const init = { id: 'x', store, author: keyOf('a') }
  const first = await openDatabase(init)
  await (await first.open('a/b', { n: 1 })).whenSaved()
  await first.close()
  const database = await openDatabase(init)
  onTestFinished(() => database.close())
  const unsupported = expect.objectContaining({ code: 'ERR_VALUE_UNSUPPORTED' }) as unknown
  await expect(database.open('a/b', { n: 1, more: () => 1 })).rejects.toThrow(unsupported)
  await (await database.open('a/b')).whenSaved()
})

test('a long document lies in several values and comes back from them', () => {
  const node = new Lab().node('a')
  const blob = [...randomBytes(10_000)]
  node.edit('big/doc', (doc) => (doc['blob'] = Uint8Array.from(blob)))
  node.lab.settle()
  expect(chunksOf(node, 'big/doc').map(({ length }) => length)).toEqual(
    expect.arrayContaining([3_000, 3_000, 3_000]),
  )
  node.crash()
  expect(Object.values((node.read('big/doc') as { blob: object }).blob)).toEqual(blob)
  // Joined again: the former pieces are gone.
  node.edit('big/doc', (doc) => (doc['more'] = randomBytes(9_500)))
  node.lab.settle()
  for (let at = 0; at < 80; at++) {
    node.edit('big/doc', (doc) => (doc['at'] = at))
    node.lab.settle()
  }
  const bytes = chunksOf(node, 'big/doc').reduce((sum, { length }) => sum + length, 0)
  expect(bytes).toBeLessThan(30_000)
  node.crash()
  expect(node.read('big/doc')).toMatchObject({ at: 79 })
})

test('a damaged change behind a snapshot in several values does not take it along', () => {
  const node = new Lab().node('a')
  node.edit('big/doc', (doc) => (doc['blob'] = randomBytes(10_000)))
  node.lab.settle()
  node.edit('big/doc', (doc) => (doc['n'] = 1))
  node.lab.settle()
  const { documentId } = node.replica.catalogue.winner('big/doc')!
  const last = node.disk.scan(chunkPrefix(documentId)).at(-1)!
  last.value.set([last.value.at(-1)! ^ 1], last.value.length - 1)
  node.disk.append([{ type: 'put', ...last }])
  node.disk.sync()
  node.crash()
  expect(Object.keys(node.read('big/doc') as object)).toEqual(['blob'])
})

test('two halves that are too large together stay apart, and everything else goes on', () => {
  const tap = createWireTap()
  const lab = new Lab({ tamper: tap.tamper })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (const node of [a, b]) {
    node.edit('photos/album', (doc) => (doc[node.name] = randomBytes(12_000)))
    node.edit(`notes/${node.name}`, (doc) => (doc['n'] = 1))
    lab.settle()
  }
  lab.connect(a, b)
  lab.settle()
  for (const [node, other] of [[a, b] as const, [b, a] as const]) {
    expect(Object.keys(node.read('photos/album') as object)).toEqual([node.name])
    expect(node.read(`notes/${other.name}`)).toEqual({ n: 1 })
    expect(warnings(node)).toEqual(['photos/album'])
    expect(node.events).toContainEqual(
      expect.objectContaining({ type: 'document:quarantined', path: 'photos/album' }),
    )
  }
  // Nothing of it travels again, and it stays in use on both sides.
  tap.reset()
  for (const node of [a, b]) {
    node.edit('photos/album', (doc) => (doc['n'] = 1))
    lab.settle()
  }
  expect(tap.names.filter((name) => / (part|want|refused)$/.test(name))).toEqual([])
  a.edit('notes/a', (doc) => (doc['n'] = 2))
  lab.settle()
  expect(b.read('notes/a')).toEqual({ n: 2 })
  for (const node of [a, b]) {
    expect(warnings(node)).toHaveLength(1)
    expect(node.disconnects).toEqual([])
    expect(node.events.filter(({ type }) => /fault|failed/.test(type))).toEqual([])
  }
})

test('a live edit that fills up the copy of a peer stops there', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  lab.connect(a, b)
  a.edit('photos/album', (doc) => (doc['first'] = randomBytes(12_000)))
  lab.settle()
  lab.cutAll(a)
  a.edit('photos/album', (doc) => (doc['a'] = randomBytes(4_500)))
  b.edit('photos/album', (doc) => (doc['b'] = randomBytes(4_500)))
  lab.connect(a, b)
  lab.settle()
  expect([warnings(a), warnings(b)]).toEqual([['photos/album'], ['photos/album']])
  for (let at = 0; at < 10; at++) a.edit('photos/album', (doc) => (doc['at'] = at))
  lab.settle()
  expect([...a.disconnects, ...b.disconnects]).toEqual([])
})

test('a write has so many operations and no more, and positions come after their data', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  const writes: (readonly StoreOperation[])[] = []
  const { disk } = b
  b.disk = {
    ...disk,
    append: (operations) => {
      writes.push(operations)
      disk.append(operations)
    },
    scan: (prefix) => disk.scan(prefix),
    sync: () => disk.sync(),
    crash: () => disk.crash(),
  }
  for (let at = 0; at < 60; at++) a.edit(`notes/${at}`, (doc) => (doc['n'] = at))
  lab.connect(a, b)
  lab.settle()
  expect(b.picture).toBe(a.picture)
  // One document more than the limit, with its chunk and its proof.
  expect(Math.max(...writes.map(({ length }) => length))).toBeLessThanOrEqual(23)
  const position = writes.findLastIndex((write) => write.some(({ key }) => key[0] === 0x6b))
  const lastDocument = writes.findLastIndex((write) => write.some(({ key }) => key[0] === 0x64))
  expect(position).toBeGreaterThanOrEqual(lastDocument)
  b.crash()
  expect(b.picture).toBe(a.picture)
})

/** A store that refuses writes because others have filled its queue, for as long as `isBusy` says so. */
async function busyStore(isBusy: () => boolean): Promise<Store> {
  const memory = await openMemoryStore()
  onTestFinished(() => memory.close())
  return new Proxy(memory, {
    get(target, name) {
      if (name === 'write' && isBusy()) {
        return () => Promise.reject(new StoreError('ERR_STORE_LIMIT', 'bytes of waiting writes'))
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('a store whose queue is full has not failed', async () => {
  let refusals = 0
  const store = await busyStore(() => refusals++ < 5)
  const database = await openDatabase({ id: 'x', store, author: keyOf('a') })
  onTestFinished(() => database.close())
  const note = await database.open('a/b', { n: 1 })
  await note.whenSaved()
  expect(refusals).toBeGreaterThan(5)
})

test('a database can be closed while its store takes nothing', async () => {
  const store = await busyStore(() => true)
  const database = await openDatabase({ id: 'x', store, author: keyOf('a') })
  await expect(database.close()).resolves.toBeUndefined()
})
