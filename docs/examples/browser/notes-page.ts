/** What every tab does. */
import { requestPersistence, type Persistence } from '@vudo/storage/browser'
import type { Database } from '@vudo/sync'
import { connectWorker } from '@vudo/sync/page'

/** @param relayUrl - Becomes the worker's name: tabs that give the same share one worker. */
export function connectNotes(relayUrl: string): Promise<Database> {
  return connectWorker(startWorker(relayUrl))
}

/** Some browsers have no SharedWorker: there the first tab has the store, and others are told `ERR_STORE_LOCKED`. */
function startWorker(name: string): SharedWorker | Worker {
  return typeof SharedWorker === 'function'
    ? new SharedWorker(new URL('./notes-worker.ts', import.meta.url), { type: 'module', name })
    : new Worker(new URL('./notes-worker.ts', import.meta.url), { type: 'module', name })
}

/** To be asked when somebody has written a note: browsers clear what nobody asked them to keep when the disk is full. */
export function keepNotes(): Promise<Persistence> {
  return requestPersistence()
}
