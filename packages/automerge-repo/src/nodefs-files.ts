import { lstat, opendir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { AutomergeRepoError } from './errors.ts'
import { MAX_DIRECTORY_DEPTH, MAX_DIRECTORY_FILES, MAX_FILE_BYTES } from './limits.ts'

/*
 * A directory as NodeFSStorageAdapter of automerge-repo writes it: the first segment of a
 * key is cut after two characters, and each part is a folder, the last one a file. It is
 * only ever read here.
 */

/** @throws `AutomergeRepoError` `ERR_DIRECTORY_UNREADABLE` when there is no such directory. */
export async function assertDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch((cause: unknown) => unreadable(directory, cause))
  if (!found.isDirectory()) throw unreadableError(directory, undefined)
}

/** The content of a key's file, or `undefined` when there is none. @throws `AutomergeRepoError`. */
export async function readKeyFile(
  directory: string,
  key: readonly string[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const place = placeOf(directory, key)
  if (place === undefined) return undefined
  try {
    const found = await lstat(place)
    if (!found.isFile()) return undefined
    if (found.size > MAX_FILE_BYTES) throw tooMuch(`${place} has ${found.size} bytes`)
    return new Uint8Array(await readFile(place))
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error instanceof AutomergeRepoError ? error : unreadableError(place, error)
  }
}

/** The keys of the files below a prefix, sorted. @throws `AutomergeRepoError`. */
export async function keysBelow(directory: string, prefix: readonly string[]): Promise<string[][]> {
  const root = prefix.length === 0 ? directory : placeOf(directory, prefix)
  if (root === undefined) return []
  const found: string[] = []
  await walk(root, found, 0)
  const keys = found.map((file) => keyOf(path.relative(directory, file).split(path.sep)))
  return keys
    .filter((key) => key !== undefined)
    .toSorted((a, b) => (a.join('/') < b.join('/') ? -1 : 1))
}

async function walk(folder: string, found: string[], depth: number): Promise<void> {
  if (depth > MAX_DIRECTORY_DEPTH) throw tooMuch(`${folder} is more than ${depth} deep`)
  try {
    // Folders and files only: a link could lead anywhere.
    for await (const entry of await opendir(folder)) {
      const place = path.join(folder, entry.name)
      if (entry.isDirectory()) await walk(place, found, depth + 1)
      else if (entry.isFile()) found.push(place)
      if (found.length > MAX_DIRECTORY_FILES) throw tooMuch(`${folder} has too many files`)
    }
  } catch (error) {
    if (isAbsent(error)) return
    throw error instanceof AutomergeRepoError ? error : unreadableError(folder, error)
  }
}

function placeOf(directory: string, key: readonly string[]): string | undefined {
  const [first = '', ...rest] = key
  const parts = [first.slice(0, 2), first.slice(2), ...rest]
  return parts.every(isName) ? path.join(directory, ...parts) : undefined
}

function keyOf([start, end, ...rest]: readonly string[]): string[] | undefined {
  return start?.length === 2 && end !== undefined ? [start + end, ...rest] : undefined
}

/** What would lead elsewhere is the name of no file here. */
function isName(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && !/[/\\\0]/.test(part)
}

function isAbsent(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'ENOENT' || error.code === 'ENOTDIR'
}

function unreadable(place: string, cause: unknown): never {
  throw unreadableError(place, cause)
}

function unreadableError(place: string, cause: unknown): AutomergeRepoError {
  return new AutomergeRepoError('ERR_DIRECTORY_UNREADABLE', `${place} cannot be read`, {
    cause,
    hint: 'give the directory that was given to NodeFSStorageAdapter',
  })
}

function tooMuch(what: string): AutomergeRepoError {
  return new AutomergeRepoError('ERR_DIRECTORY_LIMIT', what, {
    hint: 'remove what automerge-repo has compacted, or split the document',
  })
}
