import { openMemoryStore } from '@vudo/storage'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase, type DocumentHandle } from '@vudo/sync'
import { keyOf } from './replica-lab.ts'

interface Note {
  title: string
}

async function openNote(): Promise<DocumentHandle<Note>> {
  const store = await openMemoryStore()
  const database = await openDatabase({ id: 'db', store, author: keyOf('a') })
  onTestFinished(() => database.close())
  return database.open<Note>('notes/today', { title: 'Hello' })
}

async function editLater(doc: Note): Promise<void> {
  doc.title = 'before'
  await Promise.resolve()
  doc.title = 'after'
}

test('a value that a document cannot hold is refused by its code, and nothing changes', async () => {
  const note = await openNote()
  const unsupported = expect.objectContaining({
    code: 'ERR_VALUE_UNSUPPORTED',
    message: expect.stringContaining('/title') as string,
  }) as unknown
  for (const value of [undefined, () => 1, Symbol('title')]) {
    expect(() => note.change((doc) => Object.assign(doc, { title: value }))).toThrow(unsupported)
  }
  expect(note.current).toEqual({ title: 'Hello' })
  expect(note.changeCount).toBe(1)
})

test('what the edit itself throws comes out as it is', async () => {
  const note = await openNote()
  const own = new RangeError('mine')
  expect(() =>
    note.change((doc) => {
      doc.title = 'lost'
      throw own
    }),
  ).toThrow(own)
  expect(note.current.title).toBe('Hello')
})

test('an async edit is refused instead of losing what follows its first await', async () => {
  const note = await openNote()
  // oxlint-disable-next-line typescript/no-misused-promises -- just the mistake that is refused
  const change = (): void => note.change(editLater)
  expect(change).toThrow(expect.objectContaining({ code: 'ERR_EDIT_ASYNC' }) as Error)
  expect(note.current.title).toBe('Hello')
})

test('an edit that passes by `change` fails instead of being lost', async () => {
  const note = await openNote()
  const write = (): void => {
    ;(note.current as Note).title = 'lost'
  }
  expect(write).toThrow(TypeError)
  note.change((doc) => (doc.title = 'kept'))
  expect(write).toThrow(TypeError)
  expect(note.current.title).toBe('kept')
})
