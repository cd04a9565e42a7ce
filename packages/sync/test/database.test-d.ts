import { expectTypeOf, it } from 'vitest'
import {
  openDatabase,
  type CatalogueEntry,
  type Database,
  type DatabaseInit,
  type DocumentChange,
  type SyncErrorCode,
  type SyncStatus,
} from '@vudo/sync'

declare const database: Database

interface Note {
  title: string
  lines: string[]
}

it('takes the shape of a document from its initial value, or from the caller', async () => {
  const begun = await database.open('notes/x', { title: 'x', lines: [] as string[] })
  expectTypeOf(begun.current.lines).toExtend<readonly string[]>()
  begun.change((doc) => expectTypeOf(doc).toEqualTypeOf<Note>())
  const named = await database.open<Note>('notes/x')
  expectTypeOf(named.current.title).toEqualTypeOf<string>()
  expectTypeOf(named.changeCount).toEqualTypeOf<number>()
  // @ts-expect-error -- a document is an object
  await database.open<string>('notes/x')
  // @ts-expect-error -- an initial value has all of the shape
  await database.open<Note>('notes/x', { title: 'x' })
})

it('says that there may be no document', () => {
  expectTypeOf(database.readDoc<Note>('notes/x')).resolves.toEqualTypeOf<Note | undefined>()
  expectTypeOf(database.ls()).resolves.toEqualTypeOf<readonly CatalogueEntry[]>()
})

it('gives changes and events with their types', async () => {
  for await (const change of database.changes()) {
    expectTypeOf(change).toEqualTypeOf<DocumentChange>()
  }
  database.events.on('sync:status', (status) => expectTypeOf(status).toEqualTypeOf<SyncStatus>())
  database.events.on('peer:fault', ({ code }) => expectTypeOf(code).toEqualTypeOf<SyncErrorCode>())
  // @ts-expect-error -- no such event
  database.events.on('document:opened', () => {})
})

it('needs an id, a store and an author, and takes undefined for the rest', () => {
  expectTypeOf(openDatabase).parameter(0).toEqualTypeOf<DatabaseInit>()
  expectTypeOf<Pick<DatabaseInit, 'network' | 'policy'>>().toExtend<{
    network?: object | undefined
    policy?: object | undefined
  }>()
  expectTypeOf(openDatabase).returns.resolves.toEqualTypeOf<Database>()
})
