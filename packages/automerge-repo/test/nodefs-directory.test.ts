import { isValidAutomergeUrl, Repo, type AutomergeUrl } from '@automerge/automerge-repo'
import { openNodeFsDirectory } from '@vudo/automerge-repo'
import { openMemoryStore } from '@vudo/storage'
import { execFile } from 'node:child_process'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

interface Note {
  title: string
  lines: string[]
}

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vudo-nodefs-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

async function contentOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return new Map(
    await Promise.all(
      files.map(async (file): Promise<[string, string]> => {
        const place = path.join(file.parentPath, file.name)
        return [place, (await readFile(place)).toString('base64')]
      }),
    ),
  )
}

test('a directory that automerge-repo wrote in another process opens, is edited, and stays as it was', async () => {
  const directory = await freshFolder()
  const writer = fileURLToPath(new URL('nodefs-writer.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [writer, directory])
  expect(isValidAutomergeUrl(stdout)).toBe(true)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked at in the line above
  const url = stdout as AutomergeUrl
  const before = await contentOf(directory)
  expect(before.size).toBeGreaterThan(1)
  const storage = await openMemoryStore()
  const repo = new Repo({ storage: await openNodeFsDirectory({ directory, storage }) })
  const note = await repo.find<Note>(url)
  expect(note.doc()).toEqual({
    title: 'from NodeFS',
    lines: ['line 0', 'line 1', 'line 2', 'line 3', 'line 4'],
  })
  // Enough for automerge-repo to compact: it removes the chunks of the directory.
  note.change((doc) => {
    for (let at = 0; at < 300; at++) doc.lines.push(`new ${at}`)
  })
  await repo.flush()
  await repo.shutdown()
  expect(await contentOf(directory)).toEqual(before)
  const again = new Repo({ storage: await openNodeFsDirectory({ directory, storage }) })
  expect((await again.find<Note>(url)).doc().lines).toHaveLength(305)
  const left = await (
    await openNodeFsDirectory({ directory, storage })
  ).loadRange([url.slice('automerge:'.length)])
  expect(left.length).toBeLessThan(before.size)
  await again.shutdown()
  await storage.close()
})

test('what was removed stays removed, and its file stays as well', async () => {
  const directory = await freshFolder()
  await mkdir(path.join(directory, 'ab', 'cdef', 'snapshot'), { recursive: true })
  await writeFile(path.join(directory, 'ab', 'cdef', 'snapshot', 'x'), 'x')
  await writeFile(path.join(directory, 'ab', 'cdef', 'snapshot', 'y'), 'y')
  const before = await contentOf(directory)
  const storage = await openMemoryStore()
  const adapter = await openNodeFsDirectory({ directory, storage })
  await adapter.remove(['abcdef', 'snapshot', 'x'])
  expect(await adapter.load(['abcdef', 'snapshot', 'x'])).toBeUndefined()
  expect(await adapter.loadRange(['abcdef'])).toHaveLength(1)
  await adapter.save(['abcdef', 'snapshot', 'x'], Uint8Array.of(7))
  expect(await adapter.load(['abcdef', 'snapshot', 'x'])).toEqual(Uint8Array.of(7))
  await adapter.removeRange(['abcdef', 'snapshot'])
  const again = await openNodeFsDirectory({ directory, storage })
  expect(await again.loadRange(['abcdef'])).toEqual([])
  expect(await again.load(['abcdef', 'snapshot', 'y'])).toBeUndefined()
  expect(await contentOf(directory)).toEqual(before)
  await storage.close()
})

test('a torn file is handed over as it is, links and names that lead elsewhere are not followed', async () => {
  const directory = await freshFolder()
  const secret = path.join(await freshFolder(), 'secret')
  await writeFile(secret, 'secret')
  await mkdir(path.join(directory, 'ab', 'cdef', 'snapshot'), { recursive: true })
  const file = path.join(directory, 'ab', 'cdef', 'snapshot', 'x')
  await writeFile(file, Uint8Array.of(1, 2, 3, 4))
  await truncate(file, 2)
  await symlink(secret, path.join(directory, 'ab', 'cdef', 'snapshot', 'link'))
  const storage = await openMemoryStore()
  const adapter = await openNodeFsDirectory({ directory, storage })
  expect(await adapter.loadRange(['abcdef'])).toEqual([
    { key: ['abcdef', 'snapshot', 'x'], data: Uint8Array.of(1, 2) },
  ])
  expect(await adapter.load(['abcdef', 'snapshot', 'link'])).toBeUndefined()
  const up = path.relative(path.join(directory, 'ab', 'cdef'), secret)
  expect(await adapter.load(['abcdef', up])).toBeUndefined()
  expect(await adapter.load(['abcdef', ...up.split(path.sep)])).toBeUndefined()
  expect(await adapter.loadRange(['..'])).toEqual([])
  await storage.close()
})

test('a directory that is not there is refused', async () => {
  const directory = path.join(await freshFolder(), 'missing')
  const storage = await openMemoryStore()
  await expect(openNodeFsDirectory({ directory, storage })).rejects.toMatchObject({
    code: 'ERR_DIRECTORY_UNREADABLE',
  })
  await storage.close()
})
