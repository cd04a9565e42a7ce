/** A database in memory for browsers, where abstract-level would bring Node's modules along. */
import type { Cursor, RecordDatabase } from './database.ts'
import { storeClosed } from './errors.ts'
import { FrozenScan } from './frozen-scan.ts'
import type { DatabaseRange } from './keys.ts'
import { SortedRecords } from './sorted-records.ts'
import type { DatabaseOperation } from './write-queue.ts'

/** Keeps records as long as it is open. */
export class MemoryDatabase implements RecordDatabase {
  readonly #records = new SortedRecords<Uint8Array>()
  readonly #scans = new Set<FrozenScan>()
  #isClosed = false

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    return this.#records.get(key)
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    this.#assertOpen()
    return keys.map((key) => this.#records.get(key))
  }

  async cursor(range: DatabaseRange, isReverse: boolean): Promise<Cursor> {
    this.#assertOpen()
    const scan = new FrozenScan({
      range,
      isReverse,
      read: async (rest, isBackwards, count) => {
        this.#assertOpen()
        const entries = this.#records.page(rest, isBackwards, count)
        return { entries, isLast: entries.length < count }
      },
      onClose: () => this.#scans.delete(scan),
    })
    this.#scans.add(scan)
    return scan
  }

  async admit(): Promise<void> {
    this.#assertOpen()
  }

  async commit(operations: DatabaseOperation[]): Promise<void> {
    this.#assertOpen()
    for (const operation of operations.splice(0)) {
      const { key } = operation
      for (const scan of this.#scans) {
        if (scan.wants(key)) scan.keep(key, this.#records.get(key))
      }
      if (operation.type === 'del') this.#records.delete(key)
      else this.#records.set(key, operation.value)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#records.clear()
  }

  #assertOpen(): void {
    if (this.#isClosed) throw storeClosed()
  }
}
