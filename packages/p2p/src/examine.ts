import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { readAuthorKeyFile, readKeyFile } from '@vudo/identity/key-file'
import { isStoreError, openStore } from '@vudo/storage'
import { readTicketFile } from './ticket-file.ts'

/** What one part of a data directory is like. */
export interface DataDirectoryFinding {
  readonly part: 'node.key' | 'author.key' | 'ticket' | 'store'
  /** `missing` is well: the next start makes it. */
  readonly state: 'ok' | 'missing' | 'broken'
  /** Why no node can start with it: `IdentityError`, `P2PError` or `StoreError`. Set when it is `broken`. */
  readonly error?: unknown
}

/** What {@link examineDataDirectory} takes. */
export interface ExamineOptions {
  /** True when a node runs on the folder: then the store is its own, and is left out. */
  readonly isInUse?: boolean | undefined
}

/**
 * Tells whether a node could start on a folder, without making anything in it: reads the
 * key files and the ticket, and opens and closes the store. Of one that is encrypted, the
 * records stay closed.
 *
 * @returns One finding for each part. Never rejects for what is wrong with the folder.
 */
export async function examineDataDirectory(
  dataDir: string,
  { isInUse = false }: ExamineOptions = {},
): Promise<readonly DataDirectoryFinding[]> {
  const at = (part: string): string => path.join(path.resolve(dataDir), part)
  const findings = [
    await examine('node.key', at('node.key'), readKeyFile),
    await examine('author.key', at('author.key'), readAuthorKeyFile),
    await examine('ticket', at('ticket'), readTicketFile),
  ]
  return isInUse ? findings : [...findings, await examineStore(at('store'))]
}

async function examine(
  part: DataDirectoryFinding['part'],
  place: string,
  read: (place: string) => Promise<unknown>,
): Promise<DataDirectoryFinding> {
  if (!(await exists(place))) return { part, state: 'missing' }
  try {
    await read(place)
    return { part, state: 'ok' }
  } catch (error) {
    return { part, state: 'broken', error }
  }
}

async function examineStore(directory: string): Promise<DataDirectoryFinding> {
  const isFolder = await lstat(directory).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
  // Opening would make what an empty folder lacks.
  if (isFolder && !(await exists(path.join(directory, 'records')))) {
    return { part: 'store', state: 'missing' }
  }
  return examine('store', directory, async () => {
    try {
      await (await openStore({ directory })).close()
    } catch (error) {
      // Found to be a store, whose records nobody can look at without its key.
      if (!isStoreError(error) || error.code !== 'ERR_STORE_ENCRYPTED') throw error
    }
  })
}

/** A link that leads nowhere exists: nothing can be made in its place. */
async function exists(place: string): Promise<boolean> {
  try {
    await lstat(place)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}
