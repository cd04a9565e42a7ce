import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { beforeEach, expect, it, vi } from 'vitest'
import type * as AtomicFile from '../src/atomic-file.ts'
import { prepareDirectory, recordsPath } from '../src/directory.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const synced = vi.hoisted((): string[] => [])
vi.mock('../src/atomic-file.ts', async (original) => {
  const files = await original<typeof AtomicFile>()
  return {
    ...files,
    syncDirectory: async (at: string) => {
      await files.syncDirectory(at)
      synced.push(at)
    },
  }
})
beforeEach(() => {
  synced.length = 0
})

const makeEmpty = (location: string): Promise<void> =>
  writeFile(path.join(location, 'CURRENT'), 'MANIFEST-000001')

/** The directory and everything above it. */
function ancestry(directory: string): string[] {
  const parent = path.dirname(directory)
  return parent === directory ? [directory] : [directory, ...ancestry(parent)]
}

it('makes the names of a new directory durable, up to the root', async () => {
  const directory = path.join(await temporaryDirectory(), 'deep', 'down')
  await prepareDirectory(directory, makeEmpty)
  expect(synced).toEqual(expect.arrayContaining(ancestry(directory)))
})

it('does so too for a directory whose maker was killed before the sync, or was somebody else', async () => {
  const directory = path.join(await temporaryDirectory(), 'deep', 'down')
  await mkdir(directory, { recursive: true })
  await prepareDirectory(directory, makeEmpty)
  expect(synced).toEqual(expect.arrayContaining(ancestry(directory)))
  synced.length = 0
  // Killed between the renaming of the records and the sync.
  await prepareDirectory(directory, makeEmpty)
  expect(synced).toEqual(expect.arrayContaining(ancestry(directory)))
})

it('goes on when a faster process has made the records and cleared ours away', async () => {
  const directory = await temporaryDirectory()
  await prepareDirectory(directory, async (location) => {
    await mkdir(recordsPath(directory))
    await makeEmpty(recordsPath(directory))
    await rm(location, { recursive: true })
  })
  expect(existsSync(path.join(recordsPath(directory), 'CURRENT'))).toBe(true)
})

it('fails when nobody has made the records', async () => {
  const directory = await temporaryDirectory()
  const failing = prepareDirectory(directory, (location) => rm(location, { recursive: true }))
  await expect(failing).rejects.toMatchObject({ code: 'ERR_STORE_UNREADABLE' })
})
