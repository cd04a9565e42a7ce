import { openMemoryStore, StoreError, type StoreView } from '@vudo/storage'
import { afterEach, expect, test } from 'vitest'
import {
  Counter,
  ImmutableString,
  openDatabase,
  splice,
  type Database,
  type DatabaseEvents,
  type Policy,
} from '@vudo/sync'
import { connectDatabase, serveDatabase, type MessageEnd } from '@vudo/sync/worker'
import type { ClientMessage } from '../src/link-messages.ts'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'

/* Both ends in one thread, over a real MessageChannel: what is posted is cloned as between threads. */

/** A busy machine is no failure. */
const patient = { timeout: 10_000 }

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Linked {
  /** In the application's thread. */
  readonly client: Database
  /** Where the engine is. */
  readonly database: Database
  readonly network: FakeNetwork
}

async function device(name: string, policy?: Policy): Promise<Omit<Linked, 'client'>> {
  const network = createFakeNetwork(name)
  const store = await openMemoryStore()
  const init = { id: 'db', store, author: keyOf(name), network, policy }
  const database = await openDatabase(init)
  closers.push(() => database.close())
  return { database, network }
}

async function linked(name: string, policy?: Policy): Promise<Linked> {
  const one = await device(name, policy)
  return { ...one, client: await clientOf(one.database) }
}

async function clientOf(database: Database): Promise<Database> {
  const { port1, port2 } = new MessageChannel()
  const served = serveDatabase(database, port1)
  const client = await connectDatabase(port2)
  closers.push(async () => {
    await client.close()
    await served.ended
  })
  return client
}

async function linkedPair(policy?: Policy): Promise<{ a: Linked; b: Omit<Linked, 'client'> }> {
  const a = await linked('a', policy)
  const b = await device('b')
  connectNetworks(a.network, b.network, 'db')
  return { a, b }
}

interface Note {
  title: string
  lines: string[]
}

/** The next event of that name; fails after 10 s. */
function next<Type extends keyof DatabaseEvents>(
  database: Database,
  type: Type,
): Promise<DatabaseEvents[Type]> {
  return database.events.once(type, { signal: AbortSignal.timeout(10_000) })
}

test('an edit is there at once, reaches the engine and is stored', async () => {
  const { client, database } = await linked('a')
  const note = await client.open<Note>('notes/today', { title: 'Hello', lines: [] })
  const events: string[] = []
  client.events.on('document:changed', ({ origin, path }) => events.push(`${origin} ${path}`))
  note.change((doc) => doc.lines.push('one'))
  expect(note.current).toEqual({ title: 'Hello', lines: ['one'] })
  expect(events).toEqual(['local notes/today'])
  await note.whenSaved()
  expect(await database.readDoc('notes/today')).toEqual({ title: 'Hello', lines: ['one'] })
  expect(await client.readDoc('notes/today')).toEqual({ title: 'Hello', lines: ['one'] })
  expect(await client.ls()).toEqual(await database.ls())
  expect(note.changeCount).toBe(3)
  expect([...note.versionVector.values()]).toEqual([1, 1, 1])
  expect(events).toEqual(['local notes/today'])
})

test('edits travel to peers, are proven there, and are counted when stored', async () => {
  const { a, b } = await linkedPair()
  const note = await a.client.open<Note>('notes/x', { title: 'T', lines: [] })
  note.change((doc) => doc.lines.push('one'))
  await note.whenSynced({ with: b.network.peerId })
  expect(await b.database.readDoc('notes/x')).toEqual({ title: 'T', lines: ['one'] })
  await expect.poll(() => note.storedBy, patient).toBe(1)
  note.change((doc) => doc.lines.push('two'))
  expect(note.storedBy).toBe(0)
  await note.whenSynced()
  const there = await b.database.open<Note>('notes/x')
  expect(there.current.lines).toEqual(['one', 'two'])
  const [newest] = there.history()
  expect(newest?.author).toBe(keyOf('a').authorId)
  expect(await a.client.whenSynced()).toMatchObject({ state: 'synced' })
  expect(a.client.status.peers).toMatchObject([{ peerId: b.network.peerId }])
})

test('edits of others come into the open document, each told once with its origin', async () => {
  const { a, b } = await linkedPair()
  const note = await a.client.open<Note>('notes/x', { title: 'T', lines: [] })
  await note.whenSynced()
  const origins: string[] = []
  note.subscribe(({ origin }) => origins.push(`${origin} ${note.current.lines.join()}`))
  const there = await b.database.open<Note>('notes/x')
  there.change((doc) => doc.lines.push('far'))
  await expect.poll(() => note.current.lines, patient).toEqual(['far'])
  expect(origins).toEqual([`${b.network.peerId} far`])
  expect(note.history()[0]?.author).toBe(keyOf('b').authorId)
  // An edit of the engine's own thread is nobody's echo either.
  await a.database.writeDoc('notes/x', { title: 'T', lines: ['far', 'near'] })
  await expect.poll(() => note.current.lines, patient).toEqual(['far', 'near'])
  note.change((doc) => doc.lines.push('here'))
  await note.whenSynced()
  expect(there.current.lines).toEqual(['far', 'near', 'here'])
  expect(origins.slice(1)).toEqual(['local far,near', 'local far,near,here'])
  expect(note.heads).toEqual(there.heads)
})

test('two handles of one document share it, and it is let go with the last one', async () => {
  const { client, database } = await linked('a')
  const [one, two] = await Promise.all([
    client.open<Note>('notes/x', { title: 'T', lines: [] }),
    client.open<Note>('notes/x'),
  ])
  one.change((doc) => doc.lines.push('1'))
  expect(two.current.lines).toEqual(['1'])
  await one.close()
  two.change((doc) => doc.lines.push('2'))
  expect(() => one.current).toThrow(expect.objectContaining({ code: 'ERR_HANDLE_CLOSED' }))
  // Closed, opened and edited without waiting: what was edited before is there.
  const closing = two.close()
  const three = await client.open<Note>('notes/x')
  await closing
  expect(three.current.lines).toEqual(['1', '2'])
  three.change((doc) => doc.lines.push('3'))
  // Let go while it is being opened again: the worker counts on what is here.
  const opening = client.open<Note>('notes/x')
  const closed = three.close()
  const four = await opening
  await closed
  four.change((doc) => doc.lines.push('4'))
  await four.close()
  expect(await database.readDoc('notes/x')).toEqual({ title: 'T', lines: ['1', '2', '3', '4'] })
})

test('values of every kind cross, in both directions', async () => {
  const { client, database } = await linked('a')
  const value = {
    count: new Counter(3),
    fixed: new ImmutableString('fixed'),
    when: new Date(7),
    bytes: Uint8Array.of(1, 2),
    deep: [{ count: new Counter(1) }, null, true],
  }
  const handle = await client.open('values/a', value)
  expect(handle.current.count).toBeInstanceOf(Counter)
  handle.change((doc) => void doc.count.increment(2))
  await handle.whenSaved()
  const there = await client.readDoc<typeof value>('values/a')
  expect(there).toEqual(await database.readDoc('values/a'))
  expect(there?.count).toBeInstanceOf(Counter)
  expect(there?.count.value).toBe(5)
  expect(there?.fixed).toBeInstanceOf(ImmutableString)
  expect(there?.when).toEqual(new Date(7))
  await client.writeDoc('values/b', value)
  expect(await database.readDoc('values/b')).toEqual(await client.readDoc('values/b'))
  for (const wrong of [{ f: () => 1 }, { u: undefined }, { m: new Map() }, [1]]) {
    await expect(client.writeDoc('values/c', wrong)).rejects.toMatchObject({
      code: 'ERR_VALUE_UNSUPPORTED',
      name: 'SyncError',
    })
  }
})

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

test('undo, redo, view, history and conflicts are those of the thread', async () => {
  const { a, b } = await linkedPair()
  const note = await a.client.open<Note>('notes/x', { title: 'T', lines: [] })
  await note.whenSynced()
  note.change((doc) => doc.lines.push('one'), { message: 'first' })
  const { heads } = note
  note.change((doc) => {
    doc.title = 'second'
  })
  expect(note.undo()).toBe(true)
  expect(note.current.title).toBe('T')
  expect(note.redo()).toBe(true)
  expect(note.current.title).toBe('second')
  expect(note.undo()).toBe(true)
  expect(note.view(heads)).toEqual({ title: 'T', lines: ['one'] })
  expect(note.history().map(({ message }) => message)).toContain('first')
  await note.whenSynced()
  const there = await b.database.open<Note>('notes/x')
  expect(there.current).toEqual({ title: 'T', lines: ['one'] })
  expect(new Set(there.history({ limit: 5 }).map(({ author }) => author))).toEqual(
    new Set([keyOf('a').authorId]),
  )
  expect(there.heads).toEqual(note.heads)
  expect(() => note.undo('0'.repeat(64))).toThrow(
    expect.objectContaining({ code: 'ERR_HISTORY_UNKNOWN' }),
  )
  // Both write one key without knowing of each other.
  const isMet = next(a.client, 'document:changed')
  there.change((doc) => {
    doc.title = 'theirs'
  })
  await isMet
  expect(note.conflict('title')).toBeUndefined()
})

test('writers on both sides of the link and at a peer agree in the end', async () => {
  const { a, b } = await linkedPair()
  const here = await a.client.open('texts/a', { text: '' })
  const engine = await a.database.open<{ text: string }>('texts/a')
  await here.whenSynced()
  const there = await b.database.open<{ text: string }>('texts/a')
  const writers = [
    { handle: here, letter: 'h' },
    { handle: engine, letter: 'e' },
    { handle: there, letter: 't' },
  ]
  for (let round = 0; round < 60; round++) {
    for (const { handle, letter } of writers) {
      const at = (round * 7) % (handle.current.text.length + 1)
      handle.change((doc) => splice(doc, ['text'], at, round % 9 === 8 ? 1 : 0, letter))
    }
    if (round % 20 === 19) await new Promise<void>((resolve) => void setImmediate(resolve))
  }
  await expect
    .poll(() => new Set([here, engine, there].map(({ heads }) => heads.join())).size, patient)
    .toBe(1)
  expect(here.current.text).toBe(engine.current.text)
  expect(there.current.text).toBe(engine.current.text)
  expect(here.changeCount).toBe(engine.changeCount)
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
  const database = await openDatabase({ id: 'db', store, author: keyOf('a') })
  closers.push(() => database.close())
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

/** A client whose messages go through `post`. */
async function tappedClient(
  database: Database,
  post: (message: ClientMessage, send: (message: ClientMessage) => void) => void,
): Promise<Database> {
  const { port1, port2 } = new MessageChannel()
  const served = serveDatabase(database, port1)
  const end: MessageEnd = {
    postMessage: (message: ClientMessage) => post(message, (sent) => port2.postMessage(sent)),
    addEventListener: (type: 'message', listener: (event: MessageEvent) => void) => {
      port2.addEventListener(type, listener)
      port2.start()
    },
    close: () => port2.close(),
  } as MessageEnd
  const client = await connectDatabase(end)
  closers.push(async () => {
    await client.close()
    await served.ended
  })
  return client
}

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

test('a broadcast crosses both ways', async () => {
  const { a, b } = await linkedPair()
  const note = await a.client.open('notes/x', { title: 'T' })
  await note.whenSynced()
  const there = await b.database.open('notes/x')
  await expect.poll(() => a.client.status.state, patient).toBe('synced')
  const heard = next(b.database, 'document:broadcast')
  expect(note.broadcast(Uint8Array.of(1))).toBe(1)
  expect((await heard).content).toEqual(Uint8Array.of(1))
  const answer = next(a.client, 'document:broadcast')
  there.broadcast(Uint8Array.of(2))
  expect(await answer).toMatchObject({ content: Uint8Array.of(2), author: keyOf('b').authorId })
  expect(() => note.broadcast(new Uint8Array(20_000))).toThrow(
    expect.objectContaining({ code: 'ERR_SYNC_LIMIT' }),
  )
})

test('two clients of one database see each other', async () => {
  const { client, database } = await linked('a')
  const second = await clientOf(database)
  const here = await client.open('notes/x', { list: [] as number[] })
  const there = await second.open<{ list: number[] }>('notes/x')
  for (let n = 0; n < 50; n++) {
    here.change((doc) => doc.list.push(n))
    there.change((doc) => doc.list.push(100 + n))
  }
  await expect.poll(() => here.heads.join() === there.heads.join(), patient).toBe(true)
  await expect.poll(() => here.current.list.length, patient).toBe(100)
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
