/** The program of a worker that has a database in a directory, and serves it: for client-link-thread.test.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { openStore } from '@vudo/storage'
import { openDatabase } from '@vudo/sync'
import { serveDatabase } from '@vudo/sync/worker'
import { keyOf } from './replica-lab.ts'

const { directory, isFragile }: { directory: string; isFragile: boolean } = workerData
if (!parentPort) throw new Error('this is the program of a worker')
const store = await openStore({ directory })
const database = await openDatabase({ id: 'linked', store, author: keyOf('linked') })
if (isFragile) {
  database.events.on('document:changed', ({ path }) => {
    if (path === 'notes/fatal') throw new Error('the worker is made to fail')
  })
}
const served = serveDatabase(database, parentPort)
await served.ended
await database.close()
await store.close()
