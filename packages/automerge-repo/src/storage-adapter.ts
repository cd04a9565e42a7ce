import type { Chunk, StorageAdapterInterface, StorageKey } from '@automerge/automerge-repo'
import type { StoreView, WriteOperation } from '@vudo/storage'
import { MAX_REMOVED_TOGETHER } from './limits.ts'
import {
  createOrder,
  dataOf,
  keyToBytes,
  prefixToBytes,
  putRecord,
  scanRecords,
} from './storage-records.ts'

/** A value and where it goes. */
export interface StorageEntry {
  readonly key: StorageKey
  readonly data: Uint8Array
}

/**
 * The storage of a Repo: what automerge-repo asks of its `StorageAdapter`, and the batch of
 * its next version. Each call is atomic, and durable when it settles.
 */
export interface VudoStorageAdapter extends StorageAdapterInterface {
  /** Saves all of the entries or none. */
  saveBatch(entries: readonly StorageEntry[]): Promise<void>
}

/** What {@link createStorageAdapter} takes. */
export interface StorageAdapterInit {
  /** Where it all lies: a store of its own or a `sub` of one. It stays the caller's: close it after the Repo was shut down. */
  readonly storage: StoreView
  /** Milliseconds since 1970: gives ranges their order. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
}

/**
 * A Repo's storage on a store of this project.
 *
 * Its methods throw `AutomergeRepoError` `ERR_STORAGE_KEY`, and what the store throws. A
 * range of more than 50,000 records is removed by several writes.
 */
export function createStorageAdapter(init: StorageAdapterInit): VudoStorageAdapter {
  return new StoreAdapter(init)
}

class StoreAdapter implements VudoStorageAdapter {
  readonly #view: StoreView
  readonly #nextOrder: () => number

  constructor({ storage, now = Date.now }: StorageAdapterInit) {
    this.#view = storage
    this.#nextOrder = createOrder(now)
  }

  async load(key: StorageKey): Promise<Uint8Array | undefined> {
    const value = await this.#view.get(keyToBytes(key))
    return value && dataOf(value)
  }

  save(key: StorageKey, data: Uint8Array): Promise<void> {
    return this.saveBatch([{ key, data }])
  }

  async saveBatch(entries: readonly StorageEntry[]): Promise<void> {
    await this.#view.write(entries.map(({ key, data }) => putRecord(key, data, this.#nextOrder())))
  }

  async remove(key: StorageKey): Promise<void> {
    await this.#view.write([{ type: 'delete', key: keyToBytes(key) }])
  }

  async loadRange(keyPrefix: StorageKey): Promise<Chunk[]> {
    const records = await scanRecords(this.#view, keyPrefix)
    return records.map(({ key, data }) => ({ key, data }))
  }

  async removeRange(keyPrefix: StorageKey): Promise<void> {
    const operations: WriteOperation[] = []
    for await (const { key } of this.#view.scan({ prefix: prefixToBytes(keyPrefix) })) {
      operations.push({ type: 'delete', key })
    }
    await writeInParts(this.#view, operations)
  }
}

/** One write as long as a store takes it in one. */
export async function writeInParts(
  view: StoreView,
  operations: readonly WriteOperation[],
): Promise<void> {
  for (let at = 0; at < operations.length; at += MAX_REMOVED_TOGETHER) {
    await view.write(operations.slice(at, at + MAX_REMOVED_TOGETHER))
  }
}
