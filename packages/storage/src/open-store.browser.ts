import type { RecordDatabase } from './database.ts'
import { ownDatabase } from './database-owner.ts'
import { StoreError } from './errors.ts'
import { openIndexedDatabase } from './indexed-database.ts'
import { MAX_DATABASE_NAME_LENGTH } from './limits.ts'
import { MemoryDatabase } from './memory-database.ts'
import {
  openCoreOn,
  storeOf,
  type MemoryStoreInit,
  type OpenedRecords,
  type StoreCoreInit,
} from './store-core.ts'
import { openPlainRecords } from './store-format.ts'
import type { Store } from './store.ts'

/** How a store in a browser is opened. */
export interface BrowserStoreInit extends MemoryStoreInit {
  /** The name of its database in IndexedDB, 1 to `MAX_DATABASE_NAME_LENGTH` characters. Each origin has names of its own. */
  readonly name: string
}

/**
 * Opens the store in the database `name` of this origin, in IndexedDB, and makes it when
 * there is none. One tab or worker owns it, until it closes the store or ends. Its
 * `durability` is `relaxed`: when a write settles, the browser has it.
 *
 * @throws `StoreError` `ERR_STORE_LOCKED`, `ERR_STORE_UNREADABLE`, `ERR_STORE_DAMAGED`, `ERR_STORE_FULL`,
 *   `ERR_STORE_ENCRYPTED` or `ERR_STORE_UNSUPPORTED`.
 * @throws `TypeError` or `RangeError` for another name.
 */
export async function openStore(init: BrowserStoreInit): Promise<Store> {
  const { name, onDamage } = init
  assertName(name)
  refuseForNode(init)
  const release = await ownDatabase(name)
  let database: RecordDatabase
  try {
    database = await openIndexedDatabase(name)
  } catch (error) {
    await release()
    throw error
  }
  return openStoreOn(database, { durability: 'relaxed', onDamage, release })
}

/** Opens an empty store that lives in memory and ends with it: for tests, and for peers that keep nothing. */
export async function openMemoryStore(init: MemoryStoreInit = {}): Promise<Store> {
  return openStoreOn(new MemoryDatabase(), { durability: 'relaxed', onDamage: init.onDamage })
}

async function openStoreOn(database: RecordDatabase, init: StoreCoreInit): Promise<Store> {
  return storeOf(await openCoreOn(database, init, openRecords))
}

async function openRecords(database: RecordDatabase): Promise<OpenedRecords> {
  return { records: await openPlainRecords(database), damagedNames: [] }
}

function assertName(name: string): void {
  if (typeof name !== 'string') throw new TypeError(`name is ${typeof name}, expected text`)
  if (name.length > 0 && name.length <= MAX_DATABASE_NAME_LENGTH && name.isWellFormed()) return
  throw new RangeError(
    `name has ${name.length} characters, expected 1 to ${MAX_DATABASE_NAME_LENGTH} of well-formed text`,
  )
}

/** What would be a promise broken in silence. */
function refuseForNode(asked: object): void {
  if ('encryption' in asked && asked.encryption !== undefined) {
    throw new StoreError('ERR_STORE_UNSUPPORTED', 'stores in browsers are not encrypted', {
      hint: 'leave encryption out: what the browser stores is as safe as the profile of its user',
    })
  }
  if ('durability' in asked && asked.durability === 'strict') {
    throw new StoreError('ERR_STORE_UNSUPPORTED', 'stores in browsers are relaxed, never strict', {
      hint: 'leave durability out: a power cut may cost the last writes',
    })
  }
}
