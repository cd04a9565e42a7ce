import { openMemoryStore } from '@vudo/storage'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import {
  openDatabase,
  resolveConflict,
  splice,
  type Database,
  type DocumentHandle,
} from '@vudo/sync'
import { connectNetworks, createFakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Note {
  title: string
  text: string
  lines: string[]
  extra?: string
}

const initial: Note = { title: 'Title', text: 'hello', lines: [] }

async function devices(): Promise<{
  a: DocumentHandle<Note>
  b: DocumentHandle<Note>
  meet: () => Promise<void>
  databases: Database[]
}> {
  const opened = await Promise.all(
    ['a', 'b'].map(async (name) => {
      const network = createFakeNetwork(name)
      const store = await openMemoryStore()
      const database = await openDatabase({ id: 'db', store, author: keyOf(name), network })
      closers.push(() => database.close())
      return { network, database, handle: await database.open<Note>('notes/x', initial) }
    }),
  )
  const [one, two] = opened
  if (!one || !two) throw new Error('two devices')
  const meet = async (): Promise<void> => {
    connectNetworks(one.network, two.network, 'db')
    await expect.poll(() => one.handle.heads.join() === two.handle.heads.join()).toBe(true)
  }
  return { a: one.handle, b: two.handle, meet, databases: [one.database, two.database] }
}

test('the history names authors, times and messages, and each state can be seen again', async () => {
  const { a, b, meet } = await devices()
  a.change((doc) => (doc.title = 'One'), { message: 'rename' })
  const { heads } = a
  await meet()
  b.change((doc) => (doc.title = 'Two'))
  await expect.poll(() => a.current.title).toBe('Two')
  const [newest, before] = a.history()
  expect(newest).toMatchObject({ author: keyOf('b').authorId, message: undefined })
  expect(before).toMatchObject({ author: keyOf('a').authorId, message: 'rename' })
  expect(newest?.timeMs).toBeGreaterThan(0)
  expect(a.view(heads)).toEqual({ title: 'One', text: 'hello', lines: [] })
  expect(a.history({ limit: 1 })).toHaveLength(1)
  expect(() => a.view(['00'.repeat(32)])).toThrow(
    expect.objectContaining({ code: 'ERR_HISTORY_UNKNOWN' }),
  )
  expect(() => a.view(['no hash'])).toThrow(
    expect.objectContaining({ code: 'ERR_HISTORY_UNKNOWN' }),
  )
})

test('undo takes back what this author did, where others have not been since', async () => {
  const { a, b, meet } = await devices()
  await meet()
  a.change((doc) => splice(doc, ['text'], 5, 0, ' world'))
  a.change((doc) => (doc.title = 'Mine'))
  await expect.poll(() => b.current.title).toBe('Mine')
  b.change((doc) => {
    splice(doc, ['text'], 0, 0, '>> ')
    doc.title = 'Theirs'
  })
  await expect.poll(() => a.current.title).toBe('Theirs')
  expect(a.undo()).toBe(false)
  expect(a.current.title).toBe('Theirs')
  expect(a.undo()).toBe(true)
  expect(a.current.text).toBe('>> hello')
  expect(a.redo()).toBe(true)
  expect(a.current.text).toBe('>> hello world')
  await expect.poll(() => b.current.text).toBe('>> hello world')
  const [theirs] = a.history().filter(({ author }) => author === keyOf('b').authorId)
  expect(() => a.undo(theirs?.hash)).toThrow(
    expect.objectContaining({ code: 'ERR_HISTORY_UNKNOWN' }),
  )
})

test('what is not allowed just now can be undone later', async () => {
  let mayWrite = true
  const [store, network] = [await openMemoryStore(), createFakeNetwork('a')]
  const policy = (_author: string, action: string): boolean => action === 'read' || mayWrite
  const database = await openDatabase({ id: 'db', store, author: keyOf('a'), network, policy })
  closers.push(() => database.close())
  const note = await database.open<Note>('notes/x', initial)
  note.change((doc) => (doc.title = 'Other'))
  mayWrite = false
  expect(() => note.undo()).toThrow(expect.objectContaining({ code: 'ERR_NOT_ALLOWED' }))
  mayWrite = true
  expect(note.undo()).toBe(true)
  expect(note.current.title).toBe('Title')
})

test('undo of everything leads back to the beginning, whatever was done', async () => {
  const edit = fc.oneof(
    fc.record({ at: fc.nat({ max: 20 }), remove: fc.nat({ max: 3 }), text: fc.string() }),
    fc.record({ key: fc.constantFrom('title', 'extra'), value: fc.string() }),
    fc.record({ line: fc.string() }),
    fc.record({ without: fc.constant('extra') }),
  )
  const { a } = await devices()
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 8 }), (edits) => {
      const start = JSON.stringify(a.current)
      let made = 0
      for (const one of edits) {
        const { heads } = a
        a.change((doc) => {
          if ('text' in one) {
            const at = Math.min(one.at, doc.text.length)
            splice(doc, ['text'], at, Math.min(one.remove, doc.text.length - at), one.text)
          } else if ('key' in one) Reflect.set(doc, one.key, one.value)
          else if ('line' in one) doc.lines.push(one.line)
          else delete doc.extra
        })
        if (heads.join() !== a.heads.join()) made += 1
      }
      for (let at = 0; at < made; at++) a.undo()
      expect(JSON.stringify(a.current)).toBe(start)
    }),
    { numRuns: 40 },
  )
})

test('values in conflict can all be seen; a reader chooses, and nothing is discarded', async () => {
  const { a, b, meet } = await devices()
  expect(a.conflict('title')).toBeUndefined()
  a.change((doc) => (doc.title = 'A'))
  b.change((doc) => (doc.title = 'B'))
  await meet()
  const conflict = a.conflict('title')
  if (!conflict) throw new Error('no conflict')
  expect(conflict).toEqual(b.conflict('title'))
  expect(resolveConflict(conflict, 'latest')).toBe(a.current.title)
  expect(resolveConflict(conflict, 'all')).toHaveLength(2)
  expect(resolveConflict(conflict, 'first')).not.toBe(a.current.title)
  const ofA = resolveConflict(conflict, (values) => {
    return values.find(({ author }) => author === keyOf('a').authorId)?.value
  })
  expect(ofA).toBe('A')
  a.change((doc) => (doc.title = 'both'))
  expect(a.conflict('title')).toBeUndefined()
  expect(a.conflict('nothing', 'there')).toBeUndefined()
  expect(a.conflict('title', 0)).toBeUndefined()
})
