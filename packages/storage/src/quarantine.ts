import type { RecordDatabase } from './database.ts'
import { isStoreError } from './errors.ts'
import { parseRecordKey, quarantineKey, quarantineRange } from './keys.ts'
import { MAX_QUARANTINE_BYTES, SCAN_PAGE_RECORDS } from './limits.ts'
import { decodeRecord } from './record.ts'
import type { WriteQueue } from './write-queue.ts'

/** A record whose checksum does not fit, or that cannot be decrypted. */
export interface DamageReport {
  /** The names of the views around it; empty for the root view. */
  readonly view: readonly string[]
  /**
   * In an encrypted store whose name of a record is damaged, the stored name, in no view:
   * scans leave that record out, and `get` still finds it.
   */
  readonly key: Uint8Array
  /** False when the quarantine is full: the record stays where it is and is skipped. */
  readonly moved: boolean
}

/** Moves damaged records out of the way, without destroying what might still be of use to somebody. */
export class Quarantine {
  readonly #database: RecordDatabase
  readonly #queue: WriteQueue
  readonly #onDamage: ((report: DamageReport) => void) | undefined
  #bytes = 0
  #found = 0

  constructor(
    database: RecordDatabase,
    queue: WriteQueue,
    onDamage: ((report: DamageReport) => void) | undefined,
  ) {
    this.#database = database
    this.#queue = queue
    this.#onDamage = onDamage
  }

  get found(): number {
    return this.#found
  }

  /**
   * Adds up what lies in quarantine from earlier; at most `MAX_QUARANTINE_BYTES` are read.
   *
   * @param damagedNames - Encrypted names that could not be read: nobody knows whose they are.
   */
  async open(damagedNames: readonly Uint8Array[]): Promise<void> {
    for (const key of damagedNames) {
      this.#found += 1
      this.#report({ view: [], key, moved: false })
    }
    const cursor = await this.#database.cursor(quarantineRange, false)
    try {
      for (;;) {
        const entries = (await cursor.next(SCAN_PAGE_RECORDS)) ?? []
        if (entries.length === 0) return
        for (const [key, record] of entries) this.#bytes += key.byteLength + record.byteLength
      }
    } finally {
      await cursor.close()
    }
  }

  /** Moves the record under the database's key `stored`, unless it has been replaced meanwhile. */
  async move(stored: Uint8Array): Promise<void> {
    try {
      await this.#queue.addAlone(async () => {
        const record = await this.#database.get(stored)
        if (record === undefined || decodeRecord(stored, record)) return []
        const bytes = stored.byteLength + 1 + record.byteLength
        const moved = this.#bytes + bytes <= MAX_QUARANTINE_BYTES
        this.#found += 1
        this.#report({ ...parseRecordKey(stored), moved })
        if (!moved) return []
        this.#bytes += bytes
        return [
          { type: 'del', key: stored },
          { type: 'put', key: quarantineKey(stored), value: record },
        ]
      })
    } catch (error) {
      // The record stays where it is and is found again; whoever writes next learns about the disk.
      if (!isStoreError(error)) throw error
    }
  }

  #report(report: DamageReport): void {
    try {
      this.#onDamage?.(report)
    } catch (error) {
      // The program's mistake must not look like one of the store, nor stop the move.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
