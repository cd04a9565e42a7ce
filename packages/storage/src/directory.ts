/** The directory of a store: how it is made, whose it is, what it holds. Node only; loaded when a store is opened. */
import { existsSync } from 'node:fs'
import {
  access,
  constants,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { syncDirectory, syncFile } from './atomic-file.ts'
import { databaseError, StoreError } from './errors.ts'

/** Beginning of the name of a database that was not yet complete when the power went. */
const unfinished = 'records-unfinished-'

/** Where LevelDB's files lie. */
export function recordsPath(directory: string): string {
  return path.join(directory, 'records')
}

/** Tells whether a database lies in a directory. */
export function hasRecords(directory: string): boolean {
  return existsSync(recordsPath(directory))
}

/**
 * Makes the directory, for the owner alone, and an empty database in it when there
 * is none; both are durable when this settles.
 *
 * @param create - Makes an empty database at a path and closes it again.
 * @throws `StoreError` `ERR_STORE_UNREADABLE`, `ERR_STORE_FULL` or `ERR_STORE_DAMAGED`.
 */
export async function prepareDirectory(
  directory: string,
  create: (location: string) => Promise<void>,
): Promise<void> {
  const records = recordsPath(directory)
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    if (!existsSync(records)) await createRecords(directory, create)
    await syncNames(directory)
    await access(records, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw unreadable(directory, error)
  }
  await assertComplete(records)
}

/**
 * Makes the empty database under another name and renames it when all of it is on
 * the disk. LevelDB does not sync the first manifest nor the renaming of `CURRENT`:
 * a power cut within its first seconds left a database that does not open.
 */
async function createRecords(
  directory: string,
  create: (location: string) => Promise<void>,
): Promise<void> {
  const fresh = path.join(directory, `${unfinished}${globalThis.crypto.randomUUID()}`)
  try {
    await mkdir(fresh, { mode: 0o700 })
    await create(fresh)
    for (const name of await readdir(fresh)) await syncFile(path.join(fresh, name))
    await syncDirectory(fresh)
    await rename(fresh, recordsPath(directory))
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Another process was faster, and may have cleared ours away; who owns the directory is decided by the lock.
    if (!existsSync(recordsPath(directory))) throw error
  }
}

/**
 * Makes durable that the directory and what lies in it have their names; otherwise a power
 * cut could take all of it, with everything that was acknowledged in it. At each opening,
 * also of what was there before: whoever made it may have been killed before the sync.
 */
async function syncNames(directory: string): Promise<void> {
  await syncDirectory(directory)
  for (let at = path.resolve(directory); at !== path.dirname(at);) {
    at = path.dirname(at)
    await syncAncestor(at)
  }
}

/** A directory above the store's may belong to somebody else, who lets nobody open it: then it was not made here either. */
async function syncAncestor(directory: string): Promise<void> {
  try {
    await syncDirectory(directory)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error
  }
}

/** What the owner of the lock does first: makes durable what opening has renamed, and clears up after crashes. */
export async function settleDirectory(directory: string): Promise<void> {
  await syncDirectory(recordsPath(directory))
  for (const name of await readdir(directory)) {
    if (!name.startsWith(unfinished)) continue
    try {
      await rm(path.join(directory, name), { recursive: true, force: true })
    } catch {
      // Another process is still filling it, and will find that it was too late; the next opening clears it.
    }
  }
}

/** What an error of opening the database means. */
export async function openingError(directory: string, error: unknown): Promise<StoreError> {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'LEVEL_LOCKED') return lockedError(directory, error)
  const mapped = databaseError(error, `opening ${directory}`)
  return mapped.code === 'ERR_STORE_FAILED' ? unreadable(directory, error) : mapped
}

/** Leaves a note for whoever finds the directory locked. */
export async function noteOwner(directory: string): Promise<void> {
  const owner = { pid: process.pid, openedAt: new Date().toISOString() }
  try {
    await writeFile(ownerPath(directory), JSON.stringify(owner) + '\n', { mode: 0o600 })
  } catch {
    // Only the wording of an error depends on it; the lock itself is LevelDB's.
  }
}

/** Takes the note back. */
export async function forgetOwner(directory: string): Promise<void> {
  await rm(ownerPath(directory), { force: true })
}

/** Bytes of the files of the database. */
export async function usedBytes(directory: string): Promise<number> {
  const records = recordsPath(directory)
  const sizes = (await readdir(records)).map(async (name) => {
    try {
      return (await stat(path.join(records, name))).size
    } catch {
      // LevelDB removed it meanwhile: it holds no bytes any more.
      return 0
    }
  })
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

function ownerPath(directory: string): string {
  return path.join(directory, 'owner.json')
}

/**
 * LevelDB makes a new, empty database where `CURRENT` is missing, whatever else is
 * there. That must not happen over somebody's records.
 */
async function assertComplete(records: string): Promise<void> {
  const names = await readdir(records)
  if (names.includes('CURRENT') || !names.some((name) => /^\d+\.(ldb|sst|log)$/.test(name))) return
  throw new StoreError('ERR_STORE_DAMAGED', `${records} holds records but no file CURRENT`, {
    hint: 'restore a backup, or copy the directory and call repairStore(directory)',
  })
}

async function lockedError(directory: string, cause: unknown): Promise<StoreError> {
  const owner = await readOwner(directory)
  const who = owner === undefined ? 'another process' : `process ${owner}`
  const name = owner === process.pid ? `this process (${owner})` : who
  return new StoreError('ERR_STORE_LOCKED', `${directory} is in use by ${name}`, {
    cause,
    hint:
      owner === process.pid
        ? 'close the store that is open, or share it'
        : `end ${who} first, or open another directory`,
  })
}

/** The process that left its note, if it still runs. */
async function readOwner(directory: string): Promise<number | undefined> {
  try {
    const owner: unknown = JSON.parse(await readFile(ownerPath(directory), 'utf8'))
    if (typeof owner !== 'object' || owner === null || !('pid' in owner)) return undefined
    return typeof owner.pid === 'number' && isRunning(owner.pid) ? owner.pid : undefined
  } catch {
    // No note, or not a readable one: then the process is simply not known.
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Not permitted means that it runs, as somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function unreadable(directory: string, cause: unknown): StoreError {
  const mapped = databaseError(cause, `making ${directory}`)
  if (mapped.code === 'ERR_STORE_FULL') return mapped
  const text = cause instanceof Error ? cause.message : String(cause)
  return new StoreError('ERR_STORE_UNREADABLE', `${directory} cannot be used: ${text}`, {
    cause,
    hint: `make ${directory} a directory that this user may read and write, or name another one`,
  })
}
