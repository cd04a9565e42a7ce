import type { AbstractIterator, AbstractLevel } from 'abstract-level'
import { databaseError, noMoreWrites, StoreError, storeClosed } from './errors.ts'
import type { DatabaseRange } from './keys.ts'
import { SCAN_PAGE_BYTES } from './limits.ts'
import { operationBytes, type DatabaseOperation, type WriteTarget } from './write-queue.ts'

/** The databases that a store can lie on, made with both encodings `view`. */
export type Level = AbstractLevel<string | Buffer | Uint8Array, Uint8Array, Uint8Array>

/** How much a store may hold, and how to find out. */
export interface Quota {
  readonly maxBytes: number
  /** Bytes in use on the disk. */
  readonly measure: () => Promise<number>
  /** Gives back what deleted and replaced records still hold. */
  readonly compact: () => Promise<void>
}

/** Keeps the names of LevelDB's log files durable. */
export interface LogNames {
  /** To be called after a synced batch of so many operations and bytes, before it is acknowledged. */
  settle(count: number, bytes: number): Promise<void>
  /** A new log may have begun for another reason than that one was full. */
  suspect(): void
}

/** Reads the database as it was at one moment. Who opens it closes it. */
export interface SnapshotReader {
  /** The values of `keys`; `undefined` instead of all of them when the database was opened anew. */
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[] | undefined>
  close(): Promise<void>
}

/** What a store needs of the database under it, encrypted or not. */
export interface RecordDatabase extends WriteTarget {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  cursor(range: DatabaseRange, reverse: boolean): Promise<Cursor>
  /** To be called when nothing is being written. */
  close(): Promise<void>
}

/** What a {@link Database} is made of. */
export interface DatabaseInit {
  /** Whether each batch is synced before it is acknowledged. */
  readonly sync: boolean
  readonly quota?: Quota | undefined
  readonly logNames?: LogNames | undefined
}

/** A walk over the database, as it was at the beginning. Who opens it closes it. */
export interface Cursor {
  /** The next entries, at most `count`; none at the end, `undefined` when the database was opened anew. */
  next(count: number): Promise<[Uint8Array, Uint8Array][] | undefined>
  close(): Promise<void>
}

/**
 * The one place that calls the database: maps its errors, and opens it anew after
 * the disk was full.
 *
 * Why anew: when LevelDB cannot append to its log it goes on behind a gap as soon as
 * there is room, reports success, and at the next start its recovery stops at the
 * gap. Measured with classic-level 3.0.0 on a full tmpfs: of 100 synced batches
 * written after room was made, none was found again. Opening anew begins a new log.
 */
export class Database implements RecordDatabase {
  readonly #level: Level
  readonly #sync: boolean
  readonly #quota: Quota | undefined
  readonly #logNames: LogNames | undefined
  #failure: StoreError | undefined
  #mustReopen = false
  #reopening: Promise<void> | undefined
  /** How often the database was opened: an iterator does not outlive an opening. */
  #openings = 1
  #isClosed = false
  /** Bytes in use, too high rather than too low; unknown before the first measurement. */
  #usedBytes = Number.POSITIVE_INFINITY
  /** True when a compaction may give something back. */
  #hasGarbage = true

  constructor(level: Level, { sync, quota, logNames }: DatabaseInit) {
    this.#level = level
    this.#sync = sync
    this.#quota = quota
    this.#logNames = logNames
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read((level) => level.get(key))
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.#read((level) => level.getMany([...keys]))
  }

  cursor(range: DatabaseRange, reverse: boolean): Promise<Cursor> {
    return this.#read((level) => {
      // `highWaterMarkBytes` is an option of classic-level, which the common type does not know.
      const options = { ...range, reverse, highWaterMarkBytes: SCAN_PAGE_BYTES }
      const iterator = level.iterator(options)
      const openings = this.#openings
      return Promise.resolve({
        next: (count) => this.#next(iterator, openings, count),
        close: () => iterator.close(),
      })
    })
  }

  /**
   * Begins to read as of now.
   *
   * @param atThatMoment - Called in the turn in which the snapshot is taken.
   */
  snapshot(atThatMoment: () => void): Promise<SnapshotReader> {
    return this.#read((level) => {
      const snapshot = level.snapshot()
      const openings = this.#openings
      atThatMoment()
      return Promise.resolve({
        getMany: (keys) =>
          this.#unlessOpenedAnew(openings, () => level.getMany([...keys], { snapshot })),
        close: () => snapshot.close(),
      })
    })
  }

  /**
   * Refuses what does not fit into the quota.
   *
   * @param extraBytes - What each put takes besides its key and value.
   */
  async admit(operations: readonly DatabaseOperation[], extraBytes = 0): Promise<void> {
    const quota = this.#quota
    if (quota === undefined) return
    this.#hasGarbage ||= operations.some(({ type }) => type === 'del')
    const puts = operations.filter(({ type }) => type === 'put')
    const growth = bytesOf(puts) + puts.length * extraBytes
    // Deleting is always allowed: it is the way out.
    if (growth === 0) return
    const fits = (): boolean => this.#usedBytes + growth <= quota.maxBytes
    if (!fits()) this.#usedBytes = await quota.measure()
    if (!fits() && this.#hasGarbage) {
      await quota.compact()
      this.#logNames?.suspect()
      this.#hasGarbage = false
      this.#usedBytes = await quota.measure()
    }
    if (!fits()) {
      throw new StoreError(
        'ERR_STORE_FULL',
        `the store holds ${this.#usedBytes} bytes and ${growth} more are to be written, maxBytes is ${quota.maxBytes}`,
        { hint: 'delete records, or open the store with a higher maxBytes' },
      )
    }
    this.#usedBytes += growth
  }

  /** Applies a batch, durably if the store is strict. Not to be called twice at a time. */
  async commit(operations: DatabaseOperation[]): Promise<void> {
    if (this.#failure) throw noMoreWrites(this.#failure)
    if (this.#mustReopen) await this.#reopen()
    try {
      // `sync` is an option of classic-level, which the common type does not know.
      const options = { sync: this.#sync, keyEncoding: 'view', valueEncoding: 'view' }
      const [count, bytes] = [operations.length, bytesOf(operations)]
      // Emptied: what is at the disk need not be kept here as well until it is there.
      await this.#level.batch(operations.splice(0), options)
      if (this.#sync) await this.#logNames?.settle(count, bytes)
    } catch (error) {
      throw this.#failed(databaseError(error, 'writing'))
    }
  }

  /** To be called when nothing is being written. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#reopening?.catch(() => {
      // Whoever asked for it has been told; here it only has to be over.
    })
    await this.#level.close()
  }

  async #read<Result>(read: (level: Level) => Promise<Result>): Promise<Result> {
    for (;;) {
      if (this.#isClosed) throw storeClosed()
      if (this.#reopening || !this.#isOpen()) await this.#reopen()
      const openings = this.#openings
      try {
        return await read(this.#level)
      } catch (error) {
        if (this.#isClosed) throw storeClosed()
        // Opened anew under our feet: each turn of the loop needs another full disk.
        const wasReopened = this.#reopening !== undefined || this.#openings !== openings
        if (!wasReopened) throw databaseError(error, 'reading')
      }
    }
  }

  #next(
    iterator: AbstractIterator<Level, Uint8Array, Uint8Array>,
    openings: number,
    count: number,
  ): Promise<[Uint8Array, Uint8Array][] | undefined> {
    return this.#unlessOpenedAnew(openings, () => iterator.nextv(count))
  }

  async #unlessOpenedAnew<Result>(
    openings: number,
    read: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await read()
    } catch (error) {
      if (this.#isClosed) throw storeClosed()
      const isOutdated = this.#openings !== openings || this.#reopening !== undefined
      if (isOutdated || !this.#isOpen()) return undefined
      throw databaseError(error, 'reading')
    }
  }

  #isOpen(): boolean {
    return this.#level.status === 'open'
  }

  #reopen(): Promise<void> {
    this.#reopening ??= this.#closeAndOpen().finally(() => {
      this.#reopening = undefined
    })
    return this.#reopening
  }

  async #closeAndOpen(): Promise<void> {
    try {
      await this.#level.close()
      await this.#level.open()
      this.#logNames?.suspect()
      this.#openings += 1
      this.#mustReopen = false
      this.#usedBytes = Number.POSITIVE_INFINITY
    } catch (error) {
      throw this.#failed(databaseError(error, 'opening the database anew'))
    }
  }

  /** Takes note of a failed write: a full disk passes, anything else does not. */
  #failed(error: StoreError): StoreError {
    this.#mustReopen = true
    if (error.code !== 'ERR_STORE_FULL') this.#failure ??= error
    return error
  }
}

function bytesOf(operations: readonly DatabaseOperation[]): number {
  return operations.reduce((sum, operation) => sum + operationBytes(operation), 0)
}
