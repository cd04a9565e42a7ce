import type { RecordDatabase } from './database.ts'
import { aboveLimit, storeClosed } from './errors.ts'
import { databaseRange, keyInView, recordKey, rootPath, subPath } from './keys.ts'
import {
  MAX_VALUE_BYTES,
  MAX_WRITE_BYTES,
  MAX_WRITE_OPERATIONS,
  SCAN_PAGE_RECORDS,
} from './limits.ts'
import { Quarantine, type DamageReport } from './quarantine.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import type {
  Durability,
  ScanOptions,
  ScanRange,
  Store,
  StoreEntry,
  StoreView,
  WriteOperation,
} from './store.ts'
import { operationBytes, WriteQueue, type DatabaseOperation } from './write-queue.ts'

/** How every store is opened. */
export interface MemoryStoreInit {
  /** Told each damaged record, once, before it is moved. Must not wait for the store. */
  readonly onDamage?: ((report: DamageReport) => void) | undefined
}

/** What a {@link StoreCore} takes besides its database. */
export interface StoreCoreInit extends MemoryStoreInit {
  readonly durability: Durability
  /** Called once, after the database was closed. */
  readonly release?: (() => Promise<void>) | undefined
}

/** How records are read out of a database, and what opening them has found. */
export interface OpenedRecords {
  readonly records: RecordDatabase
  /** Encrypted names that could not be read. */
  readonly damagedNames: readonly Uint8Array[]
}

/**
 * Makes a store of an open database, which belongs to the store from then on, also when this fails.
 *
 * @param open - Checks the format of `database` and gives its records in clear.
 */
export async function openCoreOn<Opened extends Closable>(
  database: Opened,
  init: StoreCoreInit,
  open: (database: Opened) => Promise<OpenedRecords>,
): Promise<StoreCore> {
  let toClose: Closable = database
  try {
    const { records, damagedNames } = await open(database)
    toClose = records
    const core = new StoreCore(records, init)
    await core.quarantine.open(damagedNames)
    return core
  } catch (error) {
    try {
      await toClose.close()
    } finally {
      await init.release?.()
    }
    throw error
  }
}

interface Closable {
  close(): Promise<void>
}

/** What programs get of `core`. */
export function storeOf(core: StoreCore): Store {
  return new RootView(core, rootPath)
}

/** What all views of one store share. */
export class StoreCore {
  readonly durability: Durability
  readonly database: RecordDatabase
  readonly queue: WriteQueue
  readonly quarantine: Quarantine
  readonly #release: (() => Promise<void>) | undefined
  #closing: Promise<void> | undefined

  constructor(database: RecordDatabase, { durability, onDamage, release }: StoreCoreInit) {
    this.durability = durability
    this.database = database
    this.queue = new WriteQueue(database)
    this.quarantine = new Quarantine(database, this.queue, onDamage)
    this.#release = release
  }

  assertOpen(): void {
    if (this.#closing) throw storeClosed()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.queue.drain()
    try {
      await this.database.close()
    } finally {
      await this.#release?.()
    }
  }
}

class View implements StoreView {
  readonly #core: StoreCore
  readonly #path: Uint8Array

  constructor(core: StoreCore, path: Uint8Array) {
    this.#core = core
    this.#path = path
  }

  get durability(): Durability {
    return this.#core.durability
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#core.assertOpen()
    const stored = recordKey(this.#path, key)
    return this.#checked(stored, await this.#core.database.get(stored))
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    this.#core.assertOpen()
    const stored = keys.map((key) => recordKey(this.#path, key))
    const records = await this.#core.database.getMany(stored)
    return Promise.all(stored.map((key, at) => this.#checked(key, records[at])))
  }

  async write(operations: readonly WriteOperation[]): Promise<void> {
    this.#core.assertOpen()
    if (operations.length > MAX_WRITE_OPERATIONS) {
      throw aboveLimit('operations of a write', operations.length, MAX_WRITE_OPERATIONS)
    }
    let bytes = 0
    const encoded: DatabaseOperation[] = []
    for (const operation of operations) {
      const one = this.#encode(operation)
      bytes += operationBytes(one)
      if (bytes > MAX_WRITE_BYTES) throw aboveLimit('bytes of a write', bytes, MAX_WRITE_BYTES)
      encoded.push(one)
    }
    await this.#core.queue.add(encoded)
  }

  async *scan(range: ScanRange, options: ScanOptions = {}): AsyncGenerator<StoreEntry> {
    const { reverse = false, signal } = options
    let left = options.limit ?? Number.POSITIVE_INFINITY
    let bounds = databaseRange(this.#path, range)
    // A second turn only when the database was opened anew meanwhile: from the last key on.
    while (left > 0) {
      signal?.throwIfAborted()
      this.#core.assertOpen()
      const cursor = await this.#core.database.cursor(bounds, reverse)
      try {
        for (;;) {
          const entries = await cursor.next(Math.min(left, SCAN_PAGE_RECORDS))
          if (entries === undefined) break
          if (entries.length === 0) return
          for (const [stored, record] of entries) {
            signal?.throwIfAborted()
            bounds = reverse ? { ...bounds, lt: stored } : { gt: stored, lt: bounds.lt }
            const value = decodeRecord(stored, record)
            // Waiting for each sound record as well would double the cost of a scan.
            if (value === undefined) {
              await this.#core.quarantine.move(stored)
              continue
            }
            yield { key: keyInView(this.#path, stored), value }
            left -= 1
            if (left <= 0) return
          }
        }
      } finally {
        await cursor.close()
      }
    }
  }

  sub(name: string): StoreView {
    return new View(this.#core, subPath(this.#path, name))
  }

  async #checked(
    stored: Uint8Array,
    record: Uint8Array | undefined,
  ): Promise<Uint8Array | undefined> {
    if (record === undefined) return undefined
    const value = decodeRecord(stored, record)
    if (value === undefined) await this.#core.quarantine.move(stored)
    return value
  }

  #encode(operation: WriteOperation): DatabaseOperation {
    const key = recordKey(this.#pathOf(operation.view), operation.key)
    if (operation.type === 'delete') return { type: 'del', key }
    const { value } = operation
    if (!(value instanceof Uint8Array))
      throw new TypeError(`value is ${typeof value}, expected bytes`)
    if (value.byteLength > MAX_VALUE_BYTES) {
      throw aboveLimit('bytes of a value', value.byteLength, MAX_VALUE_BYTES)
    }
    return { type: 'put', key, value: encodeRecord(key, value) }
  }

  #pathOf(view: StoreView = this): Uint8Array {
    if (view instanceof View && view.#core === this.#core) return view.#path
    throw new TypeError('the view of an operation belongs to another store')
  }
}

class RootView extends View implements Store {
  readonly #core: StoreCore

  constructor(core: StoreCore, path: Uint8Array) {
    super(core, path)
    this.#core = core
  }

  get damaged(): number {
    return this.#core.quarantine.found
  }

  close(): Promise<void> {
    return this.#core.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
