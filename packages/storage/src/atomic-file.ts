/** How a file is written. */
export interface AtomicFileOptions {
  /**
   * Permissions of the new file.
   *
   * @defaultValue 0o600: the owner only
   */
  readonly mode?: number | undefined
}

/**
 * Replaces a file so that, whenever the power goes, it holds either the old content
 * or all of the new one; durable when the call settles. Writes a temporary file
 * beside it, syncs it, renames it over the old one and syncs the directory.
 *
 * @param path - Its directory exists.
 * @param bytes - Taken over until the call has settled.
 * @throws The error of the file system, unchanged; the old file is then untouched
 *   and the temporary one removed.
 */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array,
  { mode = 0o600 }: AtomicFileOptions = {},
): Promise<void> {
  const { open, rename, rm } = await import('node:fs/promises')
  const { default: nodePath } = await import('node:path')
  // A name of its own for each call: two at a time must not share a temporary file.
  const temporary = `${path}.${globalThis.crypto.randomUUID()}.tmp`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(nodePath.dirname(path))
}

/** Makes durable which files a directory has. On Windows the file system does so by itself. */
export async function syncDirectory(path: string): Promise<void> {
  const { platform } = await import('node:process')
  if (platform !== 'win32') await syncFile(path, 'r')
}

/** Makes the content of a file durable. */
export async function syncFile(path: string, flags = 'r+'): Promise<void> {
  const { open } = await import('node:fs/promises')
  const file = await open(path, flags)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
