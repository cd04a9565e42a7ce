import { open } from 'node:fs/promises'
import process from 'node:process'

/** Makes durable which files a folder has. On Windows the file system does so by itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
