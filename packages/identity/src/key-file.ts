/**
 * Keys in files: JSON with version, type and seed, readable by their owner only.
 *
 * A key file appears complete or not at all: it is written under another name, made
 * durable, and then linked to its own name, which fails when somebody was faster. So
 * two processes that start at once end up with the same key. The folder has to be on
 * a file system with hard links, which all that keep permissions have.
 *
 * @packageDocumentation
 */
import { link, open, rm, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import { randomBytes } from '#crypto'
import { IdentityError, isIdentityError, type IdentityErrorCode } from './errors.ts'
import { createAuthorKey, createNodeKey, type AuthorKey, type NodeKey } from './keys.ts'
import { MAX_KEY_FILE_BYTES } from './limits.ts'

type KeyType = 'node' | 'author'

const version = 1
const isWindows = process.platform === 'win32'

/**
 * Writes a node key to a new file, with permissions 0600.
 *
 * @param key - The key to write; a new one when left out.
 * @returns the key, after the file is durable.
 * @throws `IdentityError` `ERR_KEY_FILE_EXISTS` or `ERR_KEY_FILE_UNWRITABLE`.
 */
export async function createKeyFile(
  file: string,
  key: NodeKey = createNodeKey(),
): Promise<NodeKey> {
  await writeSeed(file, 'node', key.seed)
  return key
}

/**
 * Reads the node key in `file`.
 *
 * @throws `IdentityError` `ERR_KEY_FILE_UNREADABLE`, `ERR_KEY_FILE_INVALID`, or
 *   `ERR_KEY_FILE_EXPOSED` when its permissions are wider than 0600 (not checked on
 *   Windows). Messages name the path and never quote the content.
 */
export async function readKeyFile(file: string): Promise<NodeKey> {
  return createNodeKey(await readSeed(file, 'node'))
}

/**
 * Reads the node key in `file`; when there is no such file, writes a new key first.
 *
 * @throws `IdentityError` as {@link readKeyFile} and {@link createKeyFile}, but not `ERR_KEY_FILE_EXISTS`.
 */
export async function readOrCreateKeyFile(file: string): Promise<NodeKey> {
  return createNodeKey(await readOrCreateSeed(file, 'node'))
}

/** As {@link createKeyFile}, for an author key. */
export async function createAuthorKeyFile(
  file: string,
  key: AuthorKey = createAuthorKey(),
): Promise<AuthorKey> {
  await writeSeed(file, 'author', key.seed)
  return key
}

/** As {@link readKeyFile}, for an author key. */
export async function readAuthorKeyFile(file: string): Promise<AuthorKey> {
  return createAuthorKey(await readSeed(file, 'author'))
}

/** As {@link readOrCreateKeyFile}, for an author key. */
export async function readOrCreateAuthorKeyFile(file: string): Promise<AuthorKey> {
  return createAuthorKey(await readOrCreateSeed(file, 'author'))
}

async function readOrCreateSeed(file: string, type: KeyType): Promise<Uint8Array> {
  try {
    return await readSeed(file, type)
  } catch (error) {
    if (!isIdentityError(error) || !hasCode(error.cause, 'ENOENT')) throw error
  }
  try {
    const { seed } = type === 'node' ? createNodeKey() : createAuthorKey()
    await writeSeed(file, type, seed)
    return seed
  } catch (error) {
    if (!isIdentityError(error) || error.code !== 'ERR_KEY_FILE_EXISTS') throw error
    // Somebody was faster, and her file is complete: one key for both.
    return readSeed(file, type)
  }
}

async function readSeed(file: string, type: KeyType): Promise<Uint8Array> {
  const text = await readText(file)
  try {
    return parseSeed(text, type)
  } catch {
    // The cause would quote the content: JSON.parse does.
    throw failure('ERR_KEY_FILE_INVALID', `key file ${file} does not hold a key of type ${type}`, {
      hint: 'Restore the file from a backup. A new key is a new identity to all peers.',
    })
  }
}

async function readText(file: string): Promise<string> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    const stats = await handle.stat()
    const { mode, size } = stats
    // A folder has other permissions, and taking those away would not make it a key file.
    if (!stats.isFile()) return ''
    if (!isWindows && (mode & 0o077) !== 0) {
      const message = `key file ${file} has permissions ${(mode & 0o777).toString(8)}, expected 600`
      throw failure('ERR_KEY_FILE_EXPOSED', message, {
        hint: `chmod 600 ${file}; if others may have read it, replace the key.`,
      })
    }
    // Too large to be ours: refused as malformed without reading it.
    return size <= MAX_KEY_FILE_BYTES ? await handle.readFile('utf8') : ''
  } catch (cause) {
    if (isIdentityError(cause)) throw cause
    throw failure('ERR_KEY_FILE_UNREADABLE', `key file ${file} cannot be read`, {
      cause,
      hint: 'Make it readable for this user, or name another file.',
    })
  } finally {
    await handle?.close()
  }
}

function parseSeed(text: string, type: KeyType): Uint8Array {
  const content: unknown = JSON.parse(text)
  const isOurs =
    typeof content === 'object' &&
    content !== null &&
    'version' in content &&
    content.version === version &&
    'type' in content &&
    content.type === type &&
    'seed' in content &&
    typeof content.seed === 'string' &&
    content.seed.length === 64
  if (!isOurs) throw new TypeError('not a key file')
  return hexToBytes(String(content.seed))
}

async function writeSeed(file: string, type: KeyType, seed: Uint8Array): Promise<void> {
  const temporary = `${file}.${bytesToHex(randomBytes(8))}.tmp`
  const text = `${JSON.stringify({ version, type, seed: bytesToHex(seed) }, null, 2)}\n`
  try {
    try {
      await writeDurably(temporary, text)
      await link(temporary, file)
    } finally {
      // Also when the disk was full half way; it holds a key that nobody uses yet.
      await rm(temporary, { force: true })
    }
    await syncFolder(path.dirname(file))
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) {
      throw failure('ERR_KEY_FILE_EXISTS', `key file ${file} exists already`, {
        cause,
        hint: 'Read it, or choose another path. Keys are never overwritten.',
      })
    }
    throw failure('ERR_KEY_FILE_UNWRITABLE', `key file ${file} cannot be written`, {
      cause,
      hint: 'The folder has to exist, be writable, and be on a file system with hard links.',
    })
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  // 'wx' follows no link and opens no file that somebody put there before.
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes the new name durable. Windows cannot open folders, and journals names by itself. */
async function syncFolder(folder: string): Promise<void> {
  if (isWindows) return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function failure(
  code: IdentityErrorCode,
  message: string,
  options: { readonly cause?: unknown; readonly hint?: string },
): IdentityError {
  return new IdentityError(code, message, options)
}
