import type { Engine } from './engine.ts'
import type { Database } from './sync-types.ts'
import type { Waiters } from './waiters.ts'

/** What a database of this thread is made of, for what serves it to another one. */
interface DatabaseParts {
  readonly engine: Engine
  readonly waiters: Waiters
}

const partsByDatabase = new WeakMap<Database, DatabaseParts>()

/** Remembers them for as long as the database is there. */
export function registerParts(database: Database, parts: DatabaseParts): void {
  partsByDatabase.set(database, parts)
}

/** @throws `TypeError` for a database that another thread holds, or another program made. */
export function partsOf(database: Database): DatabaseParts {
  const parts = partsByDatabase.get(database)
  if (parts) return parts
  throw new TypeError('only a database that openDatabase gave in this thread can be served')
}
