/** Edits a document through a worker and ends without waiting for anything. Argument: directory. */
import process from 'node:process'
import { Worker } from 'node:worker_threads'
import { connectDatabase } from '@vudo/sync/worker'

const [directory = ''] = process.argv.slice(2)
const worker = new Worker(new URL('./linked-worker.ts', import.meta.url), {
  workerData: { directory, isFragile: false },
})
const database = await connectDatabase(worker)
const list = await database.open('lists/last', { items: [] as number[] })
for (let n = 0; n < 100; n++) list.change((doc) => doc.items.push(n))
process.stdout.write('edited\n')
