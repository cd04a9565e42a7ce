import { openMemoryStore, StoreError, type StoreView } from '@vudo/storage'
import { expect, test } from 'vitest'
import { type DatabaseEvents } from '@vudo/sync'
import { type ClientMessage } from '../src/link-messages.ts'
import { clientOf, device, linked, next, patient, tappedClient, type Note } from './link-lab.ts'

test('what an edit must not do is refused as where the engine is, and changes nothing', async () => {
  const { client, database } = await linked('a')
  const note = await client.open<Record<string, unknown>>('notes/x', { title: 'T' })
  const edits: [(doc: Record<string, unknown>) => unknown, string][] = [
    [(doc) => (doc['u'] = undefined), 'ERR_VALUE_UNSUPPORTED'],
    [async (doc) => void (doc['late'] = await Promise.resolve(1)), 'ERR_EDIT_ASYNC'],
  ]
  for (const [edit, code] of edits) {
    expect(() => note.change(edit)).toThrow(expect.objectContaining({ code }))
  }
  expect(() => {
    note.change((doc) => {
      doc['title'] = 'other'
      throw new Error('changed my mind')
    })
  }).toThrow('changed my mind')
  expect(note.current).toEqual({ title: 'T' })
  const warned = next(client, 'warning')
  note.change((doc) => (doc['list'] = []))
  expect(await warned).toMatchObject({ path: 'notes/x' })
  await note.whenSaved()
  expect(await database.readDoc('notes/x')).toEqual({ title: 'T', list: [] })
})

test('a policy is asked before an edit, and again in the worker', async () => {
  let mayWrite = true
  const { client, database } = await linked('a', (_author, action) => mayWrite || action === 'read')
  const note = await client.open<Note>('notes/x', { title: 'T', lines: [] })
  const other = await client.open<Note>('notes/y', { title: 'T', lines: [] })
  note.change((doc) => doc.lines.push('kept'))
  await note.whenSaved()
  mayWrite = false
  const refusals: DatabaseEvents['document:edits-refused'][] = []
  client.events.on('document:edits-refused', (event) => refusals.push(event))
  // More than are on their way at one time.
  for (let n = 0; n < 30; n++) note.change((doc) => doc.lines.push(String(n)))
  await expect.poll(() => refusals.length, patient).toBeGreaterThan(0)
  // Whatever is under way is void, and refused once.
  await client.ls()
  await client.ls()
  expect(refusals).toMatchObject([{ path: 'notes/x', code: 'ERR_NOT_ALLOWED', changes: 30 }])
  expect(note.current.lines).toEqual(['kept'])
  expect(() => note.change((doc) => doc.lines.push('4'))).toThrow(
    expect.objectContaining({ code: 'ERR_NOT_ALLOWED', name: 'SyncError' }),
  )
  await expect(client.remove('notes/x')).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })
  mayWrite = true
  // The worker tells with the next thing that happens.
  await database.writeDoc('notes/x', { title: 'T', lines: ['kept', 'again'] })
  await expect.poll(() => note.current.lines, patient).toEqual(['kept', 'again'])
  note.change((doc) => doc.lines.push('mine'))
  await note.whenSaved()
  expect(await database.readDoc('notes/x')).toEqual({
    title: 'T',
    lines: ['kept', 'again', 'mine'],
  })
  expect(other.current.lines).toEqual([])
})

test('a deleted document is not edited any more; edits that crossed are told', async () => {
  const { client, database } = await linked('a')
  const note = await client.open<Note>('notes/x', { title: 'T', lines: [] })
  const moved = await client.open<Note>('notes/old', { title: 'M', lines: [] })
  const deleted = next(client, 'document:deleted')
  const refused = next(client, 'document:edits-refused')
  const removing = database.remove('notes/x')
  note.change((doc) => doc.lines.push('crossed'))
  expect(await refused).toMatchObject({ code: 'ERR_DOCUMENT_DELETED', changes: 1 })
  expect(await deleted).toMatchObject({ path: 'notes/x', type: 'deleted' })
  await removing
  expect(note.current.lines).toEqual([])
  expect(() => note.change((doc) => doc.lines.push('late'))).toThrow(
    expect.objectContaining({ code: 'ERR_DOCUMENT_DELETED' }),
  )
  const last = await client.open<Note>('notes/last', { title: 'L', lines: [] })
  const attempt = Promise.withResolvers<unknown>()
  client.events.on('document:deleted', () => {
    try {
      attempt.resolve(last.change((doc) => doc.lines.push('late')))
    } catch (error) {
      attempt.resolve(error)
    }
  })
  await client.remove('notes/last')
  // Known before it is told.
  expect(await attempt.promise).toMatchObject({ code: 'ERR_DOCUMENT_DELETED' })
  await client.rename('notes/old', 'notes/new')
  const change = next(client, 'document:changed')
  moved.change((doc) => doc.lines.push('after'))
  expect(await change).toMatchObject({ path: 'notes/new', origin: 'local' })
  await moved.whenSaved()
  expect(await database.readDoc('notes/new')).toEqual({ title: 'M', lines: ['after'] })
})

test('a full disk is known here as well, and what was refused meanwhile is told', async () => {
  let isDiskFull = false
  const store: StoreView = new Proxy(await openMemoryStore(), {
    get(target, name) {
      if (name === 'write' && isDiskFull) {
        return () => Promise.reject(new StoreError('ERR_STORE_FULL', 'no room'))
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const { database } = await device('a', { store })
  const client = await clientOf(database)
  const list = await client.open('lists/a', { items: [] as string[] })
  await list.whenSaved()
  isDiskFull = true
  list.change((doc) => doc.items.push('before it was known'))
  await expect(list.whenSaved()).rejects.toMatchObject({ code: 'ERR_STORAGE_FULL' })
  expect(() => list.change((doc) => doc.items.push('refused'))).toThrow(
    expect.objectContaining({ code: 'ERR_STORAGE_FULL' }),
  )
  const late = await clientOf(database)
  const same = await late.open<{ items: string[] }>('lists/a')
  expect(() => same.change((doc) => doc.items.push('refused'))).toThrow(
    expect.objectContaining({ code: 'ERR_STORAGE_FULL' }),
  )
  const writable = next(client, 'storage:writable')
  isDiskFull = false
  await writable
  list.change((doc) => doc.items.push('after'))
  await list.whenSaved()
  expect(await database.readDoc('lists/a')).toEqual({ items: ['before it was known', 'after'] })
})

test('what is asked comes after all that was edited before', async () => {
  const { database } = await device('a')
  const posted: ClientMessage[] = []
  const client = await tappedClient(database, (message, send) => {
    posted.push(message)
    send(message)
  })
  const list = await client.open('lists/a', { items: [] as number[] })
  posted.length = 0
  for (let n = 0; n < 30; n++) list.change((doc) => doc.items.push(n))
  const saving = list.whenSaved()
  expect(posted.at(-1)).toMatchObject({ type: 'call', name: 'saved' })
  const edits = posted.flatMap((message) => (message.type === 'edits' ? message.documents : []))
  expect(edits.map(({ changes }) => changes.length)).toEqual([...Array(8).fill(1), 22])
  await saving
  expect((await database.readDoc<{ items: number[] }>('lists/a'))?.items).toHaveLength(30)
})

test('an edit that comes while the client is slow hides nothing from it', async () => {
  const { database } = await device('a')
  let isSlow = false
  const held: (() => void)[] = []
  const client = await tappedClient(database, (message, send) => {
    if (isSlow && message.type === 'taken') held.push(() => send(message))
    else send(message)
  })
  const here = await client.open('lists/a', { items: [] as number[] })
  const there = await database.open<{ items: number[] }>('lists/a')
  isSlow = true
  for (let n = 0; n < 20; n++) there.change((doc) => doc.items.push(n))
  here.change((doc) => doc.items.push(100))
  await expect.poll(() => there.current.items.length, patient).toBe(21)
  await expect.poll(() => held.length, patient).toBe(8)
  expect(here.current.items).toHaveLength(9)
  isSlow = false
  for (const release of held) release()
  await expect.poll(() => here.current.items.length, patient).toBe(21)
  expect(here.current).toEqual(there.current)
  expect(here.heads).toEqual(there.heads)
})

test('what needs an answer at once is refused, with what to do instead', async () => {
  const { client } = await linked('a')
  const note = await client.open('notes/x', { title: 'T' })
  const code = 'ERR_ONLY_IN_WORKER'
  expect(() => client.documentStatus('notes/x')).toThrow(expect.objectContaining({ code }))
  expect(() => client.headsOf(note.id)).toThrow(expect.objectContaining({ code }))
  expect(() => client.mayAccess('', 'read', note.id)).toThrow(expect.objectContaining({ code }))
  expect(() => note.foreignSync()).toThrow(expect.objectContaining({ code }))
})

test('an aborted wait ends with its reason, also where it is answered', async () => {
  const { client, database } = await linked('a')
  const note = await client.open('notes/x', { title: 'T' })
  const reason = new Error('long enough')
  const controller = new AbortController()
  const waits = [
    note.whenSynced({ signal: controller.signal }),
    client.whenSynced({ signal: controller.signal }),
  ]
  await client.ls()
  controller.abort(reason)
  for (const wait of waits) await expect(wait).rejects.toBe(reason)
  const aborted = AbortSignal.abort(reason)
  await expect(client.open('notes/y', {}, { signal: aborted })).rejects.toBe(reason)
  expect(await database.ls()).toHaveLength(1)
})

test('a closed database ends the link, and a closed link leaves the database open', async () => {
  const one = await linked('a')
  const note = await one.client.open('notes/x', { title: 'T' })
  await one.client.close()
  expect(() => note.current).toThrow(expect.objectContaining({ code: 'ERR_HANDLE_CLOSED' }))
  await expect(one.client.ls()).rejects.toMatchObject({ code: 'ERR_DATABASE_CLOSED' })
  expect(await one.database.readDoc('notes/x')).toEqual({ title: 'T' })
  const second = await clientOf(one.database)
  const waiting = second.whenSynced()
  await one.database.close()
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_DATABASE_CLOSED' })
  await expect(second.ls()).rejects.toMatchObject({ code: 'ERR_DATABASE_CLOSED' })
})
