import type { ClassicLevel } from 'classic-level'
import type { Level, LogNames, Quota } from './database.ts'
import { forgetBatches } from './lean-level.ts'
import { openCore, openStoreOn } from './level-store.ts'
import { BLOCK_CACHE_BYTES, STORE_KEY_BYTES } from './limits.ts'
import { storeOf, type MemoryStoreInit, type StoreCore } from './store-core.ts'
import type { StoreEncryption } from './store-format.ts'
import type { Durability, Store } from './store.ts'

/** How a store in a directory is opened. */
export interface StoreInit extends MemoryStoreInit {
  /** Its path. Made for the owner alone (0700) when it is missing. */
  readonly directory: string
  /**
   * `strict` syncs each batch before its writes settle. `relaxed` does not: many
   * times faster, survives the end of the process, and loses the last writes in a
   * power cut, though never part of a write.
   *
   * @defaultValue `'strict'`
   */
  readonly durability?: Durability | undefined
  /**
   * Bytes on the disk above which puts are refused, 1 MiB or more. Approximate:
   * replaced and deleted records count until they are compacted.
   *
   * @defaultValue no limit but the disk's
   */
  readonly maxBytes?: number | undefined
  /**
   * Encrypts keys and values on the disk. It is decided when the store is made: see
   * {@link copyStore} for one that exists, and `changeStoreKey` for another key.
   *
   * @defaultValue nothing is encrypted
   */
  readonly encryption?: StoreEncryption | undefined
}

/** The least `maxBytes`: an empty LevelDB and one log of it need room. */
const minMaxBytes = 1_048_576

/**
 * Opens the store in a directory, on LevelDB, and makes it when there is none. One
 * process owns a directory. Node only.
 *
 * @throws `StoreError` `ERR_STORE_LOCKED`, `ERR_STORE_UNREADABLE`, `ERR_STORE_DAMAGED`, `ERR_STORE_FULL`,
 *   `ERR_STORE_ENCRYPTED`, `ERR_STORE_NOT_ENCRYPTED` or `ERR_STORE_KEY_WRONG`.
 * @throws `RangeError` when `maxBytes` or the length of the key is out of range.
 */
export async function openStore(init: StoreInit): Promise<Store> {
  return storeOf(await openDirectory(init))
}

/** As {@link openStore}, without the view of it that programs get. */
export async function openDirectory(init: StoreInit): Promise<StoreCore> {
  const { directory, durability = 'strict', maxBytes, onDamage } = init
  assertMaxBytes(maxBytes)
  const encryption = init.encryption && { key: copyOfKey(init.encryption.key) }
  try {
    const { level, logNames, measure, release } = await openLevel(directory)
    const quota: Quota | undefined =
      maxBytes === undefined
        ? undefined
        : {
            maxBytes,
            measure,
            compact: () => level.compactRange(Uint8Array.of(0), Uint8Array.of(0xff)),
          }
    return await openCore(level, { durability, encryption, onDamage, quota, logNames, release })
  } finally {
    encryption?.key.fill(0)
  }
}

/** A database in a directory that this process owns. Who opens it closes it, and then calls `release`. */
export interface OpenLevel {
  readonly level: ClassicLevel<Uint8Array, Uint8Array>
  readonly logNames: LogNames
  /** Bytes in use on the disk. */
  readonly measure: () => Promise<number>
  readonly release: () => Promise<void>
}

/** Opens the database of a directory, and makes both when they are missing. */
export async function openLevel(directory: string): Promise<OpenLevel> {
  const files = await import('./directory.ts')
  const { watchLogNames } = await import('./log-names.ts')
  const { ClassicLevel } = await import('classic-level')
  await files.prepareDirectory(directory, async (location) => {
    const empty = new ClassicLevel(location)
    await empty.open()
    await empty.close()
  })
  const records = files.recordsPath(directory)
  const options = { ...encodings, cacheSize: BLOCK_CACHE_BYTES }
  const level = new ClassicLevel<Uint8Array, Uint8Array>(records, options)
  forgetBatches(level)
  let logNames: LogNames
  try {
    await level.open()
    await files.settleDirectory(directory)
    logNames = await watchLogNames(records)
  } catch (error) {
    await level.close()
    throw await files.openingError(directory, error)
  }
  await files.noteOwner(directory)
  return {
    level,
    logNames,
    measure: () => files.usedBytes(directory),
    release: () => files.forgetOwner(directory),
  }
}

/**
 * A copy of a program's key, for the time until its data key is out.
 *
 * @throws `TypeError` or `RangeError` when it is not 32 bytes.
 */
export function copyOfKey(key: Uint8Array): Uint8Array {
  if (!(key instanceof Uint8Array)) throw new TypeError(`key is ${typeof key}, expected bytes`)
  if (key.byteLength !== STORE_KEY_BYTES) {
    throw new RangeError(`key has ${key.byteLength} bytes, expected ${STORE_KEY_BYTES}`)
  }
  return new Uint8Array(key)
}

/** Opens an empty store that lives in memory and ends with it: for tests, and for peers that keep nothing. */
export async function openMemoryStore(init: MemoryStoreInit = {}): Promise<Store> {
  const { MemoryLevel } = await import('memory-level')
  const level: Level = new MemoryLevel<Uint8Array, Uint8Array>(encodings)
  await level.open()
  return openStoreOn(level, { durability: 'relaxed', onDamage: init.onDamage })
}

/**
 * Tries to make a damaged database readable again, by reading every file that is
 * left. Copy the directory first: records may be missing afterwards, and deleted
 * ones may be back.
 *
 * @throws `StoreError` `ERR_STORE_LOCKED` while the store is open, or what `openStore` throws.
 */
export async function repairStore(directory: string): Promise<void> {
  const files = await import('./directory.ts')
  const { ClassicLevel } = await import('classic-level')
  const records = files.recordsPath(directory)
  try {
    // LevelDB repairs without asking for its lock, also under a running store; opening asks.
    const level = new ClassicLevel(records, { createIfMissing: false })
    await level.open()
    await level.close()
  } catch (error) {
    const mapped = await files.openingError(directory, error)
    if (mapped.code === 'ERR_STORE_LOCKED') throw mapped
    // Anything else is what the repair is for.
  }
  try {
    await ClassicLevel.repair(records)
  } catch (error) {
    throw await files.openingError(directory, error)
  }
}

const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const

function assertMaxBytes(maxBytes: number | undefined): void {
  if (maxBytes === undefined || (Number.isSafeInteger(maxBytes) && maxBytes >= minMaxBytes)) return
  throw new RangeError(`maxBytes is ${maxBytes}, expected a whole number of ${minMaxBytes} or more`)
}
