/**
 * What a database says of itself when a store opens it: its format, and, if it is
 * encrypted, its data key, which is encrypted in turn with the key that the program
 * gives. So that key can be changed without writing every record anew.
 */
import type { Database, RecordDatabase } from './database.ts'
import type { OnDamagedName } from './encrypted-database.ts'
import { StoreError } from './errors.ts'
import { contentRange, formatKey, headerKey, sealedRange, type DatabaseRange } from './keys.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import type { DatabaseOperation } from './write-queue.ts'

/** The formats that this code reads and writes. */
const formats = { plain: 1, encrypted: 2 }

/** How a store is encrypted. */
export interface StoreEncryption {
  /**
   * 32 bytes from a cryptographic generator, or derived from a secret that has as much
   * entropy; never a password. Copied before the call returns.
   */
  readonly key: Uint8Array
}

/** What opening takes besides the database. */
export interface OpenRecordsInit {
  readonly encryption?: StoreEncryption | undefined
  readonly onDamagedName: OnDamagedName
}

/**
 * The records of `database`, in clear; writes what an empty database lacks.
 *
 * @throws `StoreError` `ERR_STORE_UNREADABLE`, `ERR_STORE_ENCRYPTED`, `ERR_STORE_NOT_ENCRYPTED`,
 *   `ERR_STORE_KEY_WRONG` or `ERR_STORE_DAMAGED`.
 */
export async function openRecords(
  database: Database,
  { encryption, onDamagedName }: OpenRecordsInit,
): Promise<RecordDatabase> {
  const header = await readHeader(database)
  const format = await readFormat(database)
  const isEncrypted = header !== undefined || format === formats.encrypted
  if (encryption === undefined) {
    if (isEncrypted || !(await isEmpty(database, sealedRange))) throw encrypted()
    if (format === undefined) await write(database, formats.plain)
    return database
  }
  const { createDataKey, unwrapDataKey } = await import('./data-key.ts')
  const { RecordCipher } = await import('./record-cipher.ts')
  const { openEncryptedDatabase } = await import('./encrypted-database.ts')
  let dataKey: Uint8Array
  if (header !== undefined) dataKey = unwrapDataKey(encryption.key, header)
  else {
    if (isEncrypted || !(await isEmpty(database, sealedRange))) throw headerDamaged()
    const isNew = format === undefined && (await isEmpty(database, contentRange))
    if (!isNew) throw notEncrypted()
    const created = createDataKey(encryption.key)
    dataKey = created.dataKey
    await write(database, formats.encrypted, created.header)
  }
  return openEncryptedDatabase(database, new RecordCipher(dataKey), onDamagedName)
}

/**
 * Gives the data key of an encrypted database another key around it.
 *
 * @throws `StoreError` `ERR_STORE_NOT_ENCRYPTED`, `ERR_STORE_KEY_WRONG`, `ERR_STORE_DAMAGED`
 *   or what writing throws; the old key then still opens it.
 */
export async function wrapAnew(
  database: Database,
  key: Uint8Array,
  newKey: Uint8Array,
): Promise<void> {
  const { unwrapDataKey, wrapDataKey } = await import('./data-key.ts')
  const header = await readHeader(database)
  const format = await readFormat(database)
  if (header === undefined) {
    throw format === formats.encrypted ? headerDamaged() : notEncrypted()
  }
  const dataKey = unwrapDataKey(key, header)
  const wrapped = wrapDataKey(newKey, dataKey)
  dataKey.fill(0)
  await write(database, formats.encrypted, wrapped)
}

/** The range of an empty database has no entry. */
async function isEmpty(database: Database, range: DatabaseRange): Promise<boolean> {
  const cursor = await database.cursor(range, false)
  try {
    return (await cursor.next(1))?.length === 0
  } finally {
    await cursor.close()
  }
}

/** The format, `undefined` when there is none or it is damaged. */
async function readFormat(database: Database): Promise<number | undefined> {
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
async function readHeader(database: Database): Promise<Uint8Array | undefined> {
  const record = await database.get(headerKey)
  if (record === undefined) return undefined
  const header = decodeRecord(headerKey, record)
  // Never taken for absent: that would make a new key, and lose what the old one opens.
  if (header === undefined) throw headerDamaged()
  return header
}

async function write(database: Database, format: number, header?: Uint8Array): Promise<void> {
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

function notEncrypted(): StoreError {
  return new StoreError(
    'ERR_STORE_NOT_ENCRYPTED',
    'the store is not encrypted and a key was given',
    {
      hint: 'open it without a key, or make an encrypted copy with copyStore and delete the original',
    },
  )
}

function headerDamaged(): StoreError {
  return new StoreError(
    'ERR_STORE_DAMAGED',
    'the store is encrypted, and the record that holds its key is missing or damaged',
    { hint: 'restore a backup: without that record no key opens the store' },
  )
}
