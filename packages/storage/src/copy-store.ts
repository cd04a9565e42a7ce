/** What is done to a whole store while no program uses it: an encrypted copy of it, another key for it. */
import { Database } from './database.ts'
import { StoreError } from './errors.ts'
import { headerKey, recordRange } from './keys.ts'
import { SCAN_PAGE_RECORDS } from './limits.ts'
import { copyOfKey, openDirectory, openLevel, type StoreInit } from './open-store.ts'
import { decodeRecord } from './record.ts'
import type { StoreCore } from './store-core.ts'
import { wrapAnew } from './encrypted-format.ts'
import type { DatabaseOperation } from './write-queue.ts'

/** What a copy has become. */
export interface CopiedStore {
  /** Records that were copied, of all views. */
  readonly records: number
  /** Damaged records of the original, which the copy lacks. What lay in quarantine is not copied either. */
  readonly damaged: number
}

/**
 * Copies all records of one store into another, new one: to encrypt a store that is
 * not, to decrypt one, or to encrypt it under another data key. The original stays as it
 * is; deleting it, and making sure that its disk does not keep it, is the caller's.
 *
 * @param from - Opened, and closed again: no program may have it open.
 * @param to - Made, filled and closed; durable when this settles, whatever `durability` says.
 * @throws `StoreError` `ERR_STORE_NOT_EMPTY` when `to` holds records, `ERR_STORE_UNREADABLE` when
 *   `from` is not there, or what `openStore` throws.
 */
export async function copyStore(from: StoreInit, to: StoreInit): Promise<CopiedStore> {
  await assertStore(from.directory)
  const source = await openDirectory(from)
  try {
    // Strict also when it is to be relaxed later: who is told that it is copied deletes the original.
    const target = await openDirectory({ ...to, durability: 'strict' })
    try {
      return await copyRecords(source, target)
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function copyRecords(source: StoreCore, target: StoreCore): Promise<CopiedStore> {
  const found = await target.database.cursor(recordRange, false)
  const first = await found.next(1)
  await found.close()
  if (first?.length !== 0) {
    throw new StoreError('ERR_STORE_NOT_EMPTY', 'the store to copy into holds records', {
      hint: 'copy into a directory that does not exist yet',
    })
  }
  const copied = { records: 0, damaged: 0 }
  const cursor = await source.database.cursor(recordRange, false)
  try {
    for (;;) {
      // Nothing is written to the source, so it is never opened anew.
      const entries = (await cursor.next(SCAN_PAGE_RECORDS)) ?? []
      if (entries.length === 0) return copied
      const sound = entries.filter(([key, record]) => decodeRecord(key, record) !== undefined)
      copied.records += sound.length
      copied.damaged += entries.length - sound.length
      await target.queue.add(
        sound.map(([key, value]): DatabaseOperation => ({ type: 'put', key, value })),
      )
    }
  } finally {
    await cursor.close()
  }
}

/** What {@link changeStoreKey} takes. */
export interface ChangeStoreKeyInit {
  /** The store's directory. No program may have it open. */
  readonly directory: string
  /** The key that opens it now: 32 bytes. */
  readonly key: Uint8Array
  /** The key that is to open it: 32 bytes. */
  readonly newKey: Uint8Array
}

/**
 * Gives an encrypted store another key, durably when this settles. The records are not
 * written anew: they lie under a key of their own, which is encrypted with this one. Its
 * form under the old key goes from the store's files, though the disk may still hold it.
 * Whoever had the old key and a copy of the disk can still read that copy, and what
 * is written later if he took out the records' key: against him, use {@link copyStore}.
 *
 * @throws `StoreError` `ERR_STORE_KEY_WRONG`, `ERR_STORE_NOT_ENCRYPTED`, `ERR_STORE_UNREADABLE`
 *   when there is no store, or what `openStore` throws.
 * @throws `RangeError` when a key has another length.
 */
export async function changeStoreKey(init: ChangeStoreKeyInit): Promise<void> {
  const [key, newKey] = [copyOfKey(init.key), copyOfKey(init.newKey)]
  try {
    await assertStore(init.directory)
    const { level, logNames, release } = await openLevel(init.directory)
    const database = new Database(level, { sync: true, logNames })
    try {
      await wrapAnew(database, key, newKey)
      // What was replaced stays in LevelDB's files until it compacts them, which may be never:
      // whoever has the old key and takes the disk later would find the records' key in them.
      await level.compactRange(headerKey, headerKey)
    } finally {
      await database.close()
      await release()
    }
  } finally {
    key.fill(0)
    newKey.fill(0)
  }
}

/** Opening makes a store where there is none: a mistake in a path must not pass for an empty store. */
async function assertStore(directory: string): Promise<void> {
  const { hasRecords } = await import('./directory.ts')
  if (hasRecords(directory)) return
  throw new StoreError('ERR_STORE_UNREADABLE', `${directory} holds no store`, {
    hint: 'see whether the path is right',
  })
}
