import { Database, type Level, type LogNames, type Quota } from './database.ts'
import { openRecords } from './encrypted-format.ts'
import { openCoreOn, storeOf, type StoreCore, type StoreCoreInit } from './store-core.ts'
import type { StoreEncryption } from './store-format.ts'
import type { Store } from './store.ts'

/** What a store needs besides an open database. */
export interface LevelStoreInit extends StoreCoreInit {
  readonly encryption?: StoreEncryption | undefined
  readonly quota?: Quota | undefined
  readonly logNames?: LogNames | undefined
}

/** Makes a store of an open database, which belongs to the store from then on, also when this fails. */
export async function openStoreOn(level: Level, init: LevelStoreInit): Promise<Store> {
  return storeOf(await openCore(level, init))
}

/** As {@link openStoreOn}, without the view of it that programs get. */
export async function openCore(level: Level, init: LevelStoreInit): Promise<StoreCore> {
  const { durability, encryption, quota, logNames } = init
  const opened = new Database(level, { sync: durability === 'strict', quota, logNames })
  return openCoreOn(opened, init, async (database) => {
    const damagedNames: Uint8Array[] = []
    const onDamagedName = (name: Uint8Array): unknown => damagedNames.push(name)
    const records = await openRecords(database, { encryption, onDamagedName })
    return { records, damagedNames }
  })
}
