import { createAutomergeRepoServer } from '@vudo/automerge-repo'
import { createAuthorKey } from '@vudo/identity'
import { openMemoryStore } from '@vudo/storage'
import { openDatabase } from '@vudo/sync'

const store = await openMemoryStore()
const database = await openDatabase({ id: 'example', store, author: createAuthorKey() })
const note = await database.open('notes/today', { lines: ['from a path'] })

// Unmodified clients connect with `new WebSocketClientAdapter(server.url)`.
const server = await createAutomergeRepoServer({ database, newDocuments: 'from-repo' })
console.log(`repo.find('${note.id}') finds it at ${server.url}`)

await server.close()
await database.close()
await store.close()
