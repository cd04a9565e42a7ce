/**
 * A database in IndexedDB: one object store, keys and values of bytes. IndexedDB orders
 * binary keys by their bytes, as LevelDB does (Indexed Database API 3.0, section 2.4).
 *
 * Directly and not through browser-level 3.0.0: its `getMany` gives `undefined` for what it
 * failed to read, which would look like absent records, its iterators see what is written
 * under them, and abstract-level brings Node's `events` and `buffer` along.
 */
import type { Cursor, RecordDatabase } from './database.ts'
import { indexedError, isStoreError, noMoreWrites, StoreError, storeClosed } from './errors.ts'
import { FrozenScan, type Entry, type Page } from './frozen-scan.ts'
import type { DatabaseRange } from './keys.ts'
import { SCAN_PAGE_BYTES } from './limits.ts'
import type { DatabaseOperation } from './write-queue.ts'

const layoutVersion = 1
const recordsName = 'records'

/**
 * Opens the database `name` of this origin, and makes it when there is none. One caller at
 * a time: see `ownDatabase`.
 *
 * @throws `StoreError` `ERR_STORE_UNREADABLE` or `ERR_STORE_FULL`.
 */
export async function openIndexedDatabase(name: string): Promise<RecordDatabase> {
  const connection = await openConnection(name)
  if (connection.objectStoreNames.contains(recordsName)) return new IndexedDatabase(connection)
  connection.close()
  throw new StoreError('ERR_STORE_UNREADABLE', `the database "${name}" is not a store`, {
    hint: 'something else made it: choose another name',
  })
}

function openConnection(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown): void => reject(openingError(name, error))
    try {
      const request = indexedDB.open(name, layoutVersion)
      request.addEventListener('upgradeneeded', () => {
        request.result.createObjectStore(recordsName)
      })
      request.addEventListener('success', () => resolve(request.result))
      request.addEventListener('error', () => refuse(request.error))
    } catch (error) {
      refuse(error)
    }
  })
}

function openingError(name: string, error: unknown): StoreError {
  const mapped = indexedError(error, `opening the database "${name}"`)
  if (mapped.code === 'ERR_STORE_FULL') return mapped
  const isNewer = error instanceof Error && error.name === 'VersionError'
  return new StoreError('ERR_STORE_UNREADABLE', mapped.message, {
    cause: error,
    hint: isNewer
      ? 'a newer version wrote it, or something else: use that version, or another name'
      : 'see whether this browser lets this page store anything: private windows often do not',
  })
}

class IndexedDatabase implements RecordDatabase {
  readonly #connection: IDBDatabase
  readonly #scans = new Set<FrozenScan>()
  #isClosed = false
  /** Why a write failed. */
  #failure: StoreError | undefined

  constructor(connection: IDBDatabase) {
    this.#connection = connection
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#transact('readonly', (records) => {
      const request: IDBRequest<unknown> = records.get(indexedKey(key))
      return () => bytesIfAny(request.result)
    })
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.#transact('readonly', (records) => {
      const requests = keys.map((key): IDBRequest<unknown> => records.get(indexedKey(key)))
      return () => requests.map(({ result }) => bytesIfAny(result))
    })
  }

  cursor(range: DatabaseRange, isReverse: boolean): Promise<Cursor> {
    if (this.#isClosed) return Promise.reject(storeClosed())
    const scan = new FrozenScan({
      range,
      isReverse,
      read: (...page) => this.#read(...page),
      onClose: () => this.#scans.delete(scan),
    })
    this.#scans.add(scan)
    return Promise.resolve(scan)
  }

  /** Of room browsers tell only roughly how much is left, and refuse what is too much. */
  async admit(): Promise<void> {
    if (this.#failure) throw noMoreWrites(this.#failure)
  }

  /** All requests at once: each after the one before it took two to three times as long. */
  async commit(operations: DatabaseOperation[]): Promise<void> {
    const taken = operations.splice(0)
    try {
      await this.#write(taken)
    } catch (error) {
      // A full disk passes, anything else does not.
      if (isStoreError(error) && error.code === 'ERR_STORE_FAILED') this.#failure ??= error
      throw error
    }
  }

  #write(operations: readonly DatabaseOperation[]): Promise<void> {
    return this.#transact('readwrite', (records) => {
      for (const operation of operations) {
        const key = indexedKey(operation.key)
        // In the same transaction, so that nothing comes between the old value and the new one.
        for (const scan of this.#scans) if (scan.wants(operation.key)) keepFor(scan, records, key)
        if (operation.type === 'del') records.delete(key)
        else records.put(operation.value, key)
      }
      return () => undefined
    })
  }

  close(): Promise<void> {
    this.#isClosed = true
    // Transactions that have begun come to their end.
    this.#connection.close()
    return Promise.resolve()
  }

  #read(range: DatabaseRange, isReverse: boolean, count: number): Promise<Page> {
    const query = keyRange(range)
    if (query === undefined) return Promise.resolve({ entries: [], isLast: true })
    return this.#transact('readonly', (records) =>
      isReverse ? readBackwards(records, query, count) : readForwards(records, query, count),
    )
  }

  /**
   * One transaction.
   *
   * @param work - Makes all its requests at once, and gives what to make of their results.
   */
  #transact<Result>(
    mode: 'readonly' | 'readwrite',
    work: (records: IDBObjectStore) => () => Result,
  ): Promise<Result> {
    if (this.#isClosed) return Promise.reject(storeClosed())
    const doing = mode === 'readonly' ? 'reading' : 'writing'
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown): void => reject(indexedError(error, doing))
      let transaction: IDBTransaction | undefined
      try {
        transaction = this.#connection.transaction(recordsName, mode)
        const result = work(transaction.objectStore(recordsName))
        // All is asked for: without this the browser waits for another turn of the page.
        if (mode === 'readwrite') transaction.commit()
        transaction.addEventListener('complete', () => resolve(result()))
        transaction.addEventListener('abort', () => refuse(transaction?.error))
      } catch (error) {
        try {
          transaction?.abort()
        } catch {
          // It has ended by itself.
        }
        refuse(error)
      }
    })
  }
}

/** Hands what lies under `key` to a scan, before the next request of the transaction replaces it. */
function keepFor(scan: FrozenScan, records: IDBObjectStore, key: Uint8Array<ArrayBuffer>): void {
  const request: IDBRequest<unknown> = records.get(key)
  request.addEventListener('success', () => scan.keep(key, bytesIfAny(request.result)))
}

function readForwards(records: IDBObjectStore, query: IDBKeyRange, count: number): () => Page {
  const keys = records.getAllKeys(query, count)
  const values: IDBRequest<unknown[]> = records.getAll(query, count)
  return () => ({
    entries: keys.result.map((key, at): Entry => [keyOf(key), bytesOf(values.result[at])]),
    isLast: keys.result.length < count,
  })
}

/** `getAll` begins at the front; the newer `getAllRecords`, which does not, is not everywhere. */
function readBackwards(records: IDBObjectStore, query: IDBKeyRange, count: number): () => Page {
  const entries: Entry[] = []
  let bytes = 0
  let isLast = false
  const request = records.openCursor(query, 'prev')
  request.addEventListener('success', () => {
    const cursor = request.result
    if (cursor === null) {
      isLast = true
      return
    }
    const [key, value] = [keyOf(cursor.key), bytesOf(cursor.value)]
    entries.push([key, value])
    bytes += key.byteLength + value.byteLength
    if (entries.length < count && bytes < SCAN_PAGE_BYTES) cursor.continue()
  })
  return () => ({ entries, isLast })
}

/** Keys of stores are made by `recordKey` and its like, in buffers of their own. */
function indexedKey(key: Uint8Array): Uint8Array<ArrayBuffer> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- never of shared memory, see above
  return key as Uint8Array<ArrayBuffer>
}

function keyOf(key: IDBValidKey): Uint8Array {
  // All keys are binary, and come back as buffers.
  return key instanceof ArrayBuffer ? new Uint8Array(key) : new Uint8Array()
}

/** A stored value; empty, which no record is, when it is anything but bytes: so it counts as damaged. */
function bytesOf(stored: unknown): Uint8Array {
  return stored instanceof Uint8Array ? stored : new Uint8Array()
}

function bytesIfAny(stored: unknown): Uint8Array | undefined {
  return stored === undefined ? undefined : bytesOf(stored)
}

/** IndexedDB refuses a range that is empty: that is `undefined`. */
function keyRange({ gte, gt, lt }: DatabaseRange): IDBKeyRange | undefined {
  const to = indexedKey(lt)
  const from = gte ?? gt
  if (from === undefined) return IDBKeyRange.upperBound(to, true)
  return indexedDB.cmp(indexedKey(from), to) < 0
    ? IDBKeyRange.bound(indexedKey(from), to, gte === undefined, true)
    : undefined
}
