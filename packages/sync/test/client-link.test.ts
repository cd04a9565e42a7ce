import { expect, test } from 'vitest'
import { Counter, ImmutableString, splice } from '@vudo/sync'
import { clientOf, linked, linkedPair, next, patient, type Note } from './link-lab.ts'
import { keyOf } from './replica-lab.ts'

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

test('which blobs documents name is told as where the engine is', async () => {
  const { client, database } = await linked('a')
  const $blob = 'ab'.repeat(32)
  const handle = await client.open('photos/a', { photo: { $blob, size: 3 } })
  await handle.whenSaved()
  const { documentsByHash, incomplete } = await client.blobReferences()
  expect(documentsByHash).toEqual(new Map([[$blob, [handle.id]]]))
  expect({ documentsByHash, incomplete }).toEqual(await database.blobReferences())
  expect(await client.isBlobReferenced($blob)).toBe(true)
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
