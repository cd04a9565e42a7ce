import {
  configureSyncEngine,
  getSyncEngine,
  listenToDoc,
  ls,
  mkDir,
  readDoc,
  resetSyncEngine,
  rm,
  writeDoc,
  type DocChange,
} from '@vudo/keepsync'
import { afterEach, expect, test, vi } from 'vitest'
import { startDevice, startPair, type Device } from './nodes.ts'

afterEach(() => resetSyncEngine())

interface Note {
  title: string
  lines: string[]
}

/** One device, on which the calls work. */
async function here(): Promise<Device> {
  const device = await startDevice()
  configureSyncEngine({ database: device.database })
  return device
}

test('documents lie at paths, and directories are there where something lies below', async () => {
  await here()
  await writeDoc('/notes/today', { title: 'one' })
  await writeDoc('/notes/old/first', { title: 'two' })
  await writeDoc('todo', { items: [] })
  expect(await readDoc('/notes/today')).toEqual({ title: 'one' })
  expect(await ls('/')).toMatchObject({
    type: 'dir',
    name: '/',
    children: [
      { type: 'dir', name: 'notes' },
      { type: 'doc', name: 'todo', pointer: expect.stringMatching(/^automerge:/) as string },
    ],
  })
  expect(await ls('/notes/')).toMatchObject({
    type: 'dir',
    name: 'notes',
    children: [
      { type: 'dir', name: 'old' },
      { type: 'doc', name: 'today' },
    ],
  })
  expect(await ls('/notes/today')).toMatchObject({ type: 'doc', name: 'today' })
  expect(await ls('/nowhere')).toBeUndefined()
  expect(await readDoc('/nowhere')).toBeUndefined()
})

test('a directory is made empty, stays, and is removed with what is in it', async () => {
  await here()
  expect(await ls('/')).toEqual({ type: 'dir', name: '/', children: [] })
  expect(await mkDir('/a/b')).toEqual({ type: 'dir', name: 'b', children: [] })
  expect(await ls('/a')).toEqual({ type: 'dir', name: 'a', children: [{ type: 'dir', name: 'b' }] })
  expect(await ls('/a/b')).toEqual({ type: 'dir', name: 'b', children: [] })
  await writeDoc('/a/b/c', { n: 1 })
  expect((await mkDir('/a/b')).children).toHaveLength(1)
  await writeDoc('/a', { both: true })
  expect(await ls('/a')).toMatchObject({ type: 'doc', name: 'a', children: [{ name: 'b' }] })
  expect(await rm('/a/b')).toBe(true)
  expect(await rm('/a/b')).toBe(false)
  expect(await readDoc('/a')).toEqual({ both: true })
  expect(await rm('/')).toBe(true)
  expect(await ls('/')).toEqual({ type: 'dir', name: '/', children: [] })
})

test('two devices that make one path offline have one entry, and both contents', async () => {
  const [a, b] = [await startDevice(), await startDevice()]
  configureSyncEngine({ database: a.database })
  await writeDoc('/shared/list', { items: ['a'], fromA: true })
  await mkDir('/shared/empty')
  await resetSyncEngine()
  configureSyncEngine({ database: b.database })
  await writeDoc('/shared/list', { items: ['a'], fromB: true })
  await mkDir('/shared/empty')
  await a.network.connectPeer(b.network.addresses[0] ?? '')
  await b.database.whenSynced()
  await vi.waitFor(
    async () => {
      expect(await readDoc('/shared/list')).toEqual({ items: ['a'], fromA: true, fromB: true })
    },
    { timeout: 20_000 },
  )
  const node = await ls('/shared')
  expect(node?.children?.map(({ name }) => name)).toEqual(['empty', 'list'])
})

test('writes by difference: what another device edits meanwhile elsewhere in it survives', async () => {
  const [a, b] = await startPair()
  configureSyncEngine({ database: a.database })
  await writeDoc<Note>('/x', { title: 'abc', lines: ['1'] })
  await a.database.whenSynced()
  await b.database.writeDoc('x', { title: 'abc', lines: ['1', '2'] })
  await writeDoc<Note>('/x', { title: 'abcd', lines: ['1'] })
  await vi.waitFor(
    async () => {
      expect(await readDoc('/x')).toEqual({ title: 'abcd', lines: ['1', '2'] })
    },
    { timeout: 20_000 },
  )
})

test('a listener hears of every change, of a document that begins, ends and begins anew', async () => {
  const [a, b] = await startPair()
  configureSyncEngine({ database: a.database })
  const heard: DocChange<Note>[] = []
  const remove = await listenToDoc<Note>('/x', (change) => heard.push(change))
  const titles = (): string[] => heard.map(({ doc }) => doc.title)
  await b.database.writeDoc('x', { title: 'theirs', lines: [] })
  await vi.waitFor(() => expect(titles().at(-1)).toBe('theirs'), { timeout: 20_000 })
  expect(heard.at(-1)?.patchInfo.source).toBe(b.network.peerId)
  const { length } = heard
  await writeDoc<Note>('/x', { title: 'theirs', lines: ['ours'] })
  expect(heard.slice(length)).toMatchObject([
    { doc: { lines: ['ours'] }, patchInfo: { source: 'local' } },
  ])
  expect(heard.at(-1)?.patches).toMatchObject([
    { action: 'insert', path: ['lines', 0] },
    { action: 'splice', path: ['lines', 0, 0], value: 'ours' },
  ])
  await rm('/x')
  await writeDoc<Note>('/x', { title: 'anew', lines: [] })
  await vi.waitFor(() => expect(titles().at(-1)).toBe('anew'), { timeout: 20_000 })
  remove()
  const before = heard.length
  await writeDoc<Note>('/x', { title: 'unheard', lines: [] })
  expect(heard).toHaveLength(before)
})

test('what is there when listening begins is no news', async () => {
  await here()
  await writeDoc<Note>('/x', { title: 'old', lines: [] })
  const heard: DocChange<Note>[] = []
  await listenToDoc<Note>('/x', (change) => heard.push(change))
  await writeDoc<Note>('/x', { title: 'new', lines: [] })
  expect(heard.map(({ doc }) => doc.title)).toEqual(['new'])
  expect(heard.flatMap(({ patches }) => patches.map(({ path }) => path[0]))).toContain('title')
  expect(heard.flatMap(({ patches }) => patches.map(({ path }) => path[0]))).not.toContain('lines')
})

test('without a database every call says so, and paths are checked', async () => {
  await expect(ls('/')).rejects.toMatchObject({ code: 'ERR_ENGINE_NOT_CONFIGURED' })
  await expect(listenToDoc('/x', () => {})).rejects.toMatchObject({
    code: 'ERR_ENGINE_NOT_CONFIGURED',
  })
  await expect(readDoc('/x')).rejects.toMatchObject({ code: 'ERR_ENGINE_NOT_CONFIGURED' })
  expect(getSyncEngine()).toBeUndefined()
  const { database } = await here()
  expect(getSyncEngine()?.database).toBe(database)
  await getSyncEngine()?.whenReady()
  expect(() => configureSyncEngine({ database })).toThrow(TypeError)
  await expect(ls('/a/../b')).rejects.toMatchObject({ code: 'ERR_PATH_INVALID' })
  await expect(writeDoc('/', { n: 1 })).rejects.toMatchObject({ code: 'ERR_PATH_INVALID' })
})
