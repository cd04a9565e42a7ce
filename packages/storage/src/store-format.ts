/**
 * What a database says of itself when a store opens it: its format, and, if it is
 * encrypted, its data key, which is encrypted in turn with the key that the program
 * gives. So that key can be changed without writing every record anew.
 */
import type { RecordDatabase } from './database.ts'
import { StoreError } from './errors.ts'
import { formatKey, headerKey, sealedRange, type DatabaseRange } from './keys.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import type { DatabaseOperation } from './write-queue.ts'

/** The formats that this code reads and writes. */
export const formats = { plain: 1, encrypted: 2 } as const

/** How a store is encrypted. */
export interface StoreEncryption {
  /**
   * 32 bytes from a cryptographic generator, or derived from a secret that has as much
   * entropy; never a password. Copied before the call returns.
   */
  readonly key: Uint8Array
}

/**
 * The records of `database`, which are not encrypted; writes what an empty database lacks.
 *
 * @throws `StoreError` `ERR_STORE_UNREADABLE`, `ERR_STORE_ENCRYPTED` or `ERR_STORE_DAMAGED`.
 */
export async function openPlainRecords(database: RecordDatabase): Promise<RecordDatabase> {
  const header = await readHeader(database)
  const format = await readFormat(database)
  const isEncrypted = header !== undefined || format === formats.encrypted
  if (isEncrypted || !(await isEmpty(database, sealedRange))) throw encrypted()
  if (format === undefined) await writeFormat(database, formats.plain)
  return database
}

/** The range of an empty database has no entry. */
export async function isEmpty(database: RecordDatabase, range: DatabaseRange): Promise<boolean> {
  const cursor = await database.cursor(range, false)
  try {
    return (await cursor.next(1))?.length === 0
  } finally {
    await cursor.close()
  }
}

/** The format, `undefined` when there is none or it is damaged. */
export async function readFormat(database: RecordDatabase): Promise<number | undefined> {
  const record = await database.get(formatKey)
  const format = record && decodeRecord(formatKey, record)?.[0]
  if (format === undefined || format === formats.plain || format === formats.encrypted) {
    return format
  }
  throw new StoreError(
    'ERR_STORE_UNREADABLE',
    `the store has format ${format}, this version reads formats ${formats.plain} and ${formats.encrypted}`,
    { hint: 'use the version of the program that wrote it, or a newer one' },
  )
}

/** The header of an encrypted database, `undefined` when there is none. */
export async function readHeader(database: RecordDatabase): Promise<Uint8Array | undefined> {
  const record = await database.get(headerKey)
  if (record === undefined) return undefined
  const header = decodeRecord(headerKey, record)
  // Never taken for absent: that would make a new key, and lose what the old one opens.
  if (header === undefined) throw headerDamaged()
  return header
}

/** Writes the format of a database, and the header of an encrypted one. */
export async function writeFormat(
  database: RecordDatabase,
  format: number,
  header?: Uint8Array,
): Promise<void> {
  const operations: DatabaseOperation[] = [
    { type: 'put', key: formatKey, value: encodeRecord(formatKey, Uint8Array.of(format)) },
  ]
  if (header) {
    operations.push({ type: 'put', key: headerKey, value: encodeRecord(headerKey, header) })
  }
  await database.admit(operations)
  await database.commit(operations)
}

function encrypted(): StoreError {
  return new StoreError('ERR_STORE_ENCRYPTED', 'the store is encrypted and no key was given', {
    hint: 'open it with encryption: { key }, the key that it was made with',
  })
}

/** The record with the key of an encrypted database is missing or damaged. */
export function headerDamaged(): StoreError {
  return new StoreError(
    'ERR_STORE_DAMAGED',
    'the store is encrypted, and the record that holds its key is missing or damaged',
    { hint: 'restore a backup: without that record no key opens the store' },
  )
}
