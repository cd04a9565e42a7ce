/** What opening an encrypted database finds and writes, and what giving it another key does. */
import type { Database, RecordDatabase } from './database.ts'
import type { OnDamagedName } from './encrypted-database.ts'
import { StoreError } from './errors.ts'
import { contentRange, sealedRange } from './keys.ts'
import {
  formats,
  headerDamaged,
  isEmpty,
  openPlainRecords,
  readFormat,
  readHeader,
  writeFormat,
  type StoreEncryption,
} from './store-format.ts'

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
  if (encryption === undefined) return openPlainRecords(database)
  const header = await readHeader(database)
  const format = await readFormat(database)
  const isEncrypted = header !== undefined || format === formats.encrypted
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
    await writeFormat(database, formats.encrypted, created.header)
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
  await writeFormat(database, formats.encrypted, wrapped)
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
