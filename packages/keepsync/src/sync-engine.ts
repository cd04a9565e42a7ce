import type { Database } from '@vudo/sync'
import { KeepsyncError } from './errors.ts'

/** What {@link configureSyncEngine} takes. */
export interface SyncEngineOptions {
  /** Where the documents are; it stays the caller's: close it after `resetSyncEngine`. */
  readonly database: Database
}

/** What all calls of this package work on. */
export interface SyncEngine {
  readonly database: Database
  /** Settles when documents can be used. @throws `SyncError` `ERR_SYNC_STORE`, `ERR_DATABASE_CLOSED`. */
  whenReady(): Promise<void>
}

interface Configured extends SyncEngine {
  /** What has to end before another database takes its place. */
  readonly stops: Set<() => Promise<void>>
}

let current: Configured | undefined
const waiting = new Set<(engine: Configured) => void>()

/**
 * Says which database all calls of this module work on, from now on. Stores of zustand that
 * were made before begin to sync.
 *
 * @throws `TypeError` when one is configured: call `resetSyncEngine` first.
 */
export function configureSyncEngine({ database }: SyncEngineOptions): SyncEngine {
  if (current) throw new TypeError('a sync engine is configured; call resetSyncEngine first')
  current = { database, stops: new Set(), whenReady: () => database.whenReady() }
  for (const tell of waiting) tell(current)
  waiting.clear()
  return current
}

/** What was configured, or `undefined`. */
export function getSyncEngine(): SyncEngine | undefined {
  return current
}

/** Forgets the database and ends what listens to it; settles when all of that is released. The database stays open. */
export async function resetSyncEngine(): Promise<void> {
  const former = current
  current = undefined
  await Promise.all([...(former?.stops ?? [])].map((stop) => stop()))
}

/** The database that was configured. @throws `KeepsyncError` `ERR_ENGINE_NOT_CONFIGURED`. */
export function configuredDatabase(): Database {
  if (current) return current.database
  throw new KeepsyncError('ERR_ENGINE_NOT_CONFIGURED', 'no database was given', {
    hint: 'call configureSyncEngine({ database }) first',
  })
}

/** Calls `stop` when the engine is reset. @returns Takes it away again. @throws as {@link configuredDatabase}. */
export function stopWithEngine(stop: () => Promise<void>): () => void {
  configuredDatabase()
  const engine = current
  engine?.stops.add(stop)
  return () => void engine?.stops.delete(stop)
}

/** Settles when a database is configured. @throws `KeepsyncError` `ERR_INIT_TIMEOUT` after so many milliseconds. */
export async function whenConfigured(timeoutMs: number): Promise<Database> {
  if (current) return current.database
  const { promise, resolve, reject } = Promise.withResolvers<Configured>()
  const timer = setTimeout(() => {
    waiting.delete(resolve)
    reject(
      new KeepsyncError('ERR_INIT_TIMEOUT', `no database was given within ${timeoutMs} ms`, {
        hint: 'call configureSyncEngine({ database })',
      }),
    )
  }, timeoutMs)
  waiting.add(resolve)
  try {
    return (await promise).database
  } finally {
    clearTimeout(timer)
  }
}
