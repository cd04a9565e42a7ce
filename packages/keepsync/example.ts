import { createAuthorKey } from '@vudo/identity'
import { configureSyncEngine, listenToDoc, ls, resetSyncEngine, writeDoc } from '@vudo/keepsync'
import { openMemoryStore } from '@vudo/storage'
import { openDatabase } from '@vudo/sync'

const store = await openMemoryStore()
const database = await openDatabase({ id: 'example', store, author: createAuthorKey() })
configureSyncEngine({ database })

await listenToDoc<{ lines: string[] }>('/notes/today', ({ doc }) => console.log(doc.lines))
await writeDoc('/notes/today', { lines: ['water the plants'] })
await writeDoc('/notes/today', { lines: ['water the plants', 'feed the cat'] })
console.log(await ls('/notes'))

await resetSyncEngine()
await database.close()
await store.close()
