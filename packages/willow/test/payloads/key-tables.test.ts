import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openPayloadVault, type PayloadId, type PayloadVault } from '@vudo/willow'
import { inDirectory } from '../store/stores.ts'

async function make(vault: PayloadVault): Promise<PayloadId> {
  const id = vault.reserve()
  await vault.create(id)
  await vault.append(id, 0, new Uint8Array(100).fill(3))
  await vault.sync(id)
  return id
}

/** Destroys a payload while the old table of keys cannot be removed. */
async function destroyInVain(
  vault: PayloadVault,
  id: PayloadId,
  directory: string,
): Promise<string> {
  const keys = path.join(directory, 'keys')
  const [name = ''] = await readdir(keys)
  const old = path.join(keys, name)
  const aside = path.join(directory, 'aside')
  // A folder in its place cannot be written over.
  await rename(old, aside)
  await mkdir(old)
  await expect(vault.destroy([id])).rejects.toMatchObject({ code: 'ERR_PAYLOAD_STORE' })
  await rm(old, { recursive: true })
  await rename(aside, old)
  return keys
}

test('keeps the keys that are made after an old table could not be removed', async () => {
  await inDirectory(async (directory) => {
    const first = await openPayloadVault({ directory })
    const doomed = await make(first)
    const before = await make(first)
    await destroyInVain(first, doomed, directory)
    const after = await make(first)
    await first.close()
    const again = await openPayloadVault({ directory })
    expect(await again.read(before, 0, 100)).toHaveLength(100)
    expect(await again.read(after, 0, 100)).toHaveLength(100)
    await expect(again.read(doomed, 0, 100)).rejects.toMatchObject({ code: 'ERR_ENTRY_GONE' })
    await again.close()
  })
})

test('removes an old table when it is asked again to destroy what was in it', async () => {
  await inDirectory(async (directory) => {
    const vault = await openPayloadVault({ directory })
    const doomed = await make(vault)
    const keys = await destroyInVain(vault, doomed, directory)
    expect(await readdir(keys)).toHaveLength(2)
    await vault.destroy([doomed])
    expect(await readdir(keys)).toHaveLength(1)
    await vault.close()
  })
})
