import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { expect, it, onTestFinished } from 'vitest'
import { openStore } from '@vudo/storage'
import { bytes } from './bytes.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** A file system of 2 MiB at `directory`; false where this is not allowed. */
function mountSmall(directory: string): boolean {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory], { stdio: 'pipe' })
    onTestFinished(() => {
      execFileSync('umount', [directory])
    })
    return true
  } catch {
    return false
  }
}

it('goes on when a full disk has room again, and has lost nothing acknowledged', async (context) => {
  const directory = await temporaryDirectory()
  if (!mountSmall(directory)) context.skip('needs root and mount')
  const acknowledged: Uint8Array[] = []
  let store = await openStore({ directory })
  // Also after a failure: an open store keeps the file system busy.
  onTestFinished(() => store.close())
  const write = async (name: string): Promise<void> => {
    await store.write([{ type: 'put', key: bytes(name), value: randomBytes(5_000) }])
    acknowledged.push(bytes(name))
  }
  const fill = async (): Promise<void> => {
    for (let at = 0; at < 2_000; at += 1) await write(`before ${at}`)
  }
  const full = { name: 'StoreError', code: 'ERR_STORE_FULL' }
  await expect(fill()).rejects.toMatchObject(full)
  await expect(write('still full')).rejects.toMatchObject(full)
  execFileSync('mount', ['-o', 'remount,size=16m', directory])
  for (let at = 0; at < 100; at += 1) await write(`after ${at}`)
  await store.close()
  store = await openStore({ directory })
  expect(acknowledged.length).toBeGreaterThan(200)
  expect(await store.getMany(acknowledged)).not.toContain(undefined)
})
