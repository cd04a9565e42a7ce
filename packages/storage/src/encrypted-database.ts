/**
 * A database whose disk knows neither keys nor values.
 *
 * Encrypted keys have no order that could be scanned without giving it away. So all keys
 * are read when the database is opened, and stay in memory: a {@link KeyIndex}. On the
 * disk each record is two entries, its name and its value, so that opening reads
 * names alone, however large the values are.
 *
 * The index always holds every key that the database can hold, and at times more: a
 * key is added before its batch is written and removed after. A walk takes its keys and
 * its snapshot of the database in one turn; what is in the one and not in the other
 * was not there.
 */
import { type Cursor, type Database, type RecordDatabase, type SnapshotReader } from './database.ts'
import { aboveLimit, storeClosed } from './errors.ts'
import { KeyIndex, keyOfText, keyText, type KeyText } from './key-index.ts'
import { nameKey, nameRange, sealedNameOf, valueKey, type DatabaseRange } from './keys.ts'
import { MAX_ENCRYPTED_RECORDS, SCAN_PAGE_RECORDS } from './limits.ts'
import { SEALING_BYTES, type RecordCipher } from './record-cipher.ts'
import { firstPageRecords, nextPage } from './scan-page.ts'
import type { DatabaseOperation } from './write-queue.ts'

/**
 * What a value that cannot be decrypted is given as: this byte, then what was found.
 * No record begins with it, so it counts as damaged wherever it is read; without it
 * whoever can write the disk could put a record there that was never encrypted.
 */
const damagedMark = 0x00

/** Tells of a stored name that cannot be decrypted. */
export type OnDamagedName = (name: Uint8Array) => void

/** Opens the records of a database under a cipher, which belongs to it from then on. */
export async function openEncryptedDatabase(
  database: Database,
  cipher: RecordCipher,
  onDamagedName: OnDamagedName,
): Promise<RecordDatabase> {
  const keys: KeyText[] = []
  const cursor = await database.cursor(nameRange, false)
  try {
    for (;;) {
      const entries = (await cursor.next(SCAN_PAGE_RECORDS)) ?? []
      if (entries.length === 0) break
      for (const [stored] of entries) {
        const key = cipher.openName(sealedNameOf(stored))
        if (key) keys.push(keyText(key))
        else onDamagedName(new Uint8Array(stored))
      }
    }
  } finally {
    await cursor.close()
  }
  return new EncryptedDatabase(database, cipher, new KeyIndex(keys))
}

class EncryptedDatabase implements RecordDatabase {
  readonly #database: Database
  readonly #cipher: RecordCipher
  readonly #keys: KeyIndex
  #isClosed = false
  /** A write failed: nobody knows which names are there, so each put writes its name again. */
  #areNamesUnsure = false

  constructor(database: Database, cipher: RecordCipher, keys: KeyIndex) {
    this.#database = database
    this.#cipher = cipher
    this.#keys = keys
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const place = this.#placeOf(key)
    return this.#opened(place, await this.#database.get(valueKey(place)))
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const places = keys.map((key) => this.#placeOf(key))
    const sealed = await this.#database.getMany(places.map(valueKey))
    return places.map((place, at) => this.#opened(place, sealed[at]))
  }

  async cursor(range: DatabaseRange, reverse: boolean): Promise<Cursor> {
    let keys: Iterator<KeyText, undefined> | undefined
    const snapshot = await this.#database.snapshot(() => {
      keys = this.#keys.walk(range, reverse)
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- set by the call above
    const walk = keys as unknown as Iterator<KeyText, undefined>
    let page = firstPageRecords
    return {
      next: async (count) => {
        for (;;) {
          const names = take(walk, Math.min(page, count))
          if (names.length === 0) return []
          const entries = await this.#entries(snapshot, names.map(keyOfText))
          // All of them deleted a moment ago: that is not the end.
          if (entries?.length === 0) continue
          page = nextPage(page, entries ?? [])
          return entries
        }
      },
      close: () => snapshot.close(),
    }
  }

  async admit(operations: readonly DatabaseOperation[]): Promise<void> {
    const most = MAX_ENCRYPTED_RECORDS
    if (this.#keys.size >= most && operations.some((operation) => this.#isNew(operation))) {
      throw aboveLimit('records of an encrypted store', this.#keys.size + 1, most)
    }
    await this.#database.admit(operations, SEALING_BYTES)
  }

  async commit(operations: readonly DatabaseOperation[]): Promise<void> {
    const deleted = new Set<KeyText>()
    const sealed = operations.flatMap((operation) => this.#sealed(operation, deleted))
    try {
      await this.#database.commit(sealed)
    } catch (error) {
      // What the disk kept of it is unknown: the keys stay, and are found absent if they are.
      this.#areNamesUnsure = true
      throw error
    }
    for (const key of deleted) this.#keys.delete(key)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#database.close()
    this.#cipher.destroy()
  }

  /** @param deleted - Keys that earlier operations of the batch have deleted, not yet taken from the index. */
  #sealed(operation: DatabaseOperation, deleted: Set<KeyText>): DatabaseOperation[] {
    const key = keyText(operation.key)
    const place = this.#placeOf(operation.key)
    const name = nameKey(this.#cipher.sealName(operation.key, place))
    if (operation.type === 'del') {
      deleted.add(key)
      return [
        { type: 'del', key: valueKey(place) },
        { type: 'del', key: name },
      ]
    }
    const value = this.#cipher.sealValue(place, operation.value)
    const put: DatabaseOperation = { type: 'put', key: valueKey(place), value }
    const wasDeleted = deleted.delete(key)
    if (!wasDeleted && !this.#areNamesUnsure && this.#keys.has(key)) return [put]
    this.#keys.add(key)
    return [put, { type: 'put', key: name, value: new Uint8Array() }]
  }

  async #entries(
    snapshot: SnapshotReader,
    keys: readonly Uint8Array[],
  ): Promise<[Uint8Array, Uint8Array][] | undefined> {
    const places = keys.map((key) => this.#placeOf(key))
    const sealed = await snapshot.getMany(places.map(valueKey))
    return (
      sealed &&
      keys.flatMap((key, at) => {
        const record = this.#opened(places[at] ?? key, sealed[at])
        return record === undefined ? [] : [[key, record] as [Uint8Array, Uint8Array]]
      })
    )
  }

  #opened(place: Uint8Array, sealed: Uint8Array | undefined): Uint8Array | undefined {
    if (sealed === undefined) return undefined
    // The cipher's keys are gone, and everything would look damaged.
    if (this.#isClosed) throw storeClosed()
    const value = this.#cipher.openValue(place, sealed)
    if (value) return value
    const damaged = new Uint8Array(1 + sealed.byteLength)
    damaged[0] = damagedMark
    damaged.set(sealed, 1)
    return damaged
  }

  #placeOf(key: Uint8Array): Uint8Array {
    if (this.#isClosed) throw storeClosed()
    return this.#cipher.placeOf(key)
  }

  #isNew(operation: DatabaseOperation): boolean {
    return operation.type === 'put' && !this.#keys.has(keyText(operation.key))
  }
}

function take(keys: Iterator<KeyText, undefined>, count: number): KeyText[] {
  const taken: KeyText[] = []
  while (taken.length < count) {
    const { value } = keys.next()
    if (value === undefined) break
    taken.push(value)
  }
  return taken
}
