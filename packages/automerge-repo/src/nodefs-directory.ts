import type { Chunk, StorageKey } from '@automerge/automerge-repo'
import type { StoreView, WriteOperation } from '@vudo/storage'
import { assertDirectory, keysBelow, readKeyFile } from './nodefs-files.ts'
import {
  writeInParts,
  type StorageAdapterInit,
  type StorageEntry,
  type VudoStorageAdapter,
} from './storage-adapter.ts'
import {
  bytesToKey,
  createOrder,
  dataOf,
  keyToBytes,
  prefixToBytes,
  putRecord,
  scanRecords,
} from './storage-records.ts'

/** What {@link openNodeFsDirectory} takes. */
export interface NodeFsDirectoryInit extends StorageAdapterInit {
  /** The directory that was given to `NodeFSStorageAdapter`. It is read and never written. */
  readonly directory: string
}

/**
 * Opens what `NodeFSStorageAdapter` of automerge-repo has written, as storage for a Repo.
 *
 * The files stay as they are: what is saved, and the news that something was removed, goes
 * to the store beside them. So the old program can go back to its directory at any time,
 * without what came since; and a directory that it goes on writing shows here.
 *
 * @throws `AutomergeRepoError` `ERR_DIRECTORY_UNREADABLE`. Its methods throw
 *   `ERR_STORAGE_KEY`, `ERR_DIRECTORY_UNREADABLE`, `ERR_DIRECTORY_LIMIT`, and what the store throws.
 */
export async function openNodeFsDirectory(init: NodeFsDirectoryInit): Promise<VudoStorageAdapter> {
  await assertDirectory(init.directory)
  return new OverlaidDirectory(init)
}

class OverlaidDirectory implements VudoStorageAdapter {
  readonly #directory: string
  readonly #saved: StoreView
  /** Keys of files that count as removed. */
  readonly #removed: StoreView
  readonly #nextOrder: () => number

  constructor({ directory, storage, now = Date.now }: NodeFsDirectoryInit) {
    this.#directory = directory
    this.#saved = storage.sub('saved')
    this.#removed = storage.sub('removed')
    this.#nextOrder = createOrder(now)
  }

  async load(key: StorageKey): Promise<Uint8Array | undefined> {
    const bytes = keyToBytes(key)
    const value = await this.#saved.get(bytes)
    if (value) return dataOf(value)
    if (await this.#removed.get(bytes)) return undefined
    return readKeyFile(this.#directory, key)
  }

  save(key: StorageKey, data: Uint8Array): Promise<void> {
    return this.saveBatch([{ key, data }])
  }

  async saveBatch(entries: readonly StorageEntry[]): Promise<void> {
    await this.#saved.write(
      entries.flatMap(({ key, data }): WriteOperation[] => [
        putRecord(key, data, this.#nextOrder()),
        { type: 'delete', key: keyToBytes(key), view: this.#removed },
      ]),
    )
  }

  async remove(key: StorageKey): Promise<void> {
    await this.#saved.write(this.#removal(keyToBytes(key)))
  }

  #removal(key: Uint8Array): WriteOperation[] {
    const value = new Uint8Array()
    return [
      { type: 'delete', key },
      { type: 'put', key, value, view: this.#removed },
    ]
  }

  async loadRange(keyPrefix: StorageKey): Promise<Chunk[]> {
    const saved = await scanRecords(this.#saved, keyPrefix)
    const hidden = new Set(saved.map(({ key }) => key.join('\0')))
    for await (const { key } of this.#removed.scan({ prefix: prefixToBytes(keyPrefix) })) {
      hidden.add(bytesToKey(key).join('\0'))
    }
    const chunks: Chunk[] = []
    for (const key of await keysBelow(this.#directory, keyPrefix)) {
      if (hidden.has(key.join('\0'))) continue
      const data = await readKeyFile(this.#directory, key)
      if (data) chunks.push({ key, data })
    }
    return [...chunks, ...saved.map(({ key, data }) => ({ key, data }))]
  }

  async removeRange(keyPrefix: StorageKey): Promise<void> {
    const operations: WriteOperation[] = []
    for await (const { key } of this.#saved.scan({ prefix: prefixToBytes(keyPrefix) })) {
      operations.push({ type: 'delete', key })
    }
    for (const key of await keysBelow(this.#directory, keyPrefix)) {
      operations.push(...this.#removal(keyToBytes(key)))
    }
    await writeInParts(this.#saved, operations)
  }
}
