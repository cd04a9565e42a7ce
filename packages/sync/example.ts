import { createAuthorKey } from '@vudo/identity'
import { openMemoryStore } from '@vudo/storage'
import { openDatabase } from '@vudo/sync'

const store = await openMemoryStore()
const database = await openDatabase({ id: 'example', store, author: createAuthorKey() })
const note = await database.open('notes/today', { title: 'Today', lines: [] as string[] })
note.change((doc) => doc.lines.push('water the plants'))
await note.whenSaved()
console.log(await database.readDoc('notes/today'), await database.ls())
await database.close()
await store.close()
