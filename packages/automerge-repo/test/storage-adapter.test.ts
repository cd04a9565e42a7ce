import { runStorageAdapterTests } from '@automerge/automerge-repo/helpers/tests/storage-adapter-tests.js'
import { createStorageAdapter, openNodeFsDirectory } from '@vudo/automerge-repo'
import { openMemoryStore, openStore } from '@vudo/storage'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'

runStorageAdapterTests(async () => {
  const storage = await openMemoryStore()
  return { adapter: createStorageAdapter({ storage }), teardown: () => void storage.close() }
}, 'our store')

runStorageAdapterTests(async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'vudo-nodefs-'))
  const storage = await openMemoryStore()
  return {
    adapter: await openNodeFsDirectory({ directory, storage }),
    teardown: () => {
      void storage.close().then(() => rm(directory, { recursive: true }))
    },
  }
}, 'a directory of NodeFS under our store')

test('what was saved is there after a restart, in the same order, and a batch is whole', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'vudo-adapter-'))
  try {
    const first = await openStore({ directory })
    const writer = createStorageAdapter({ storage: first.sub('repo') })
    await writer.saveBatch([
      { key: ['doc', 'z'], data: Uint8Array.of(1) },
      { key: ['doc', 'a'], data: Uint8Array.of(2) },
    ])
    await first.close()
    const second = await openStore({ directory })
    const reader = createStorageAdapter({ storage: second.sub('repo') })
    await reader.save(['doc', 'm'], Uint8Array.of(3))
    const keys = (await reader.loadRange(['doc'])).map(({ key }) => key[1])
    expect(keys).toEqual(['z', 'a', 'm'])
    await second.close()
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('segments do not run into each other, whatever they hold', async () => {
  const storage = await openMemoryStore()
  const adapter = createStorageAdapter({ storage })
  const keys = [['a', 'b'], ['a\0b'], ['ab'], ['a\u0001', 'b'], ['a', '\u0001b']]
  for (const [at, key] of keys.entries()) await adapter.save(key, Uint8Array.of(at))
  for (const [at, key] of keys.entries()) expect(await adapter.load(key)).toEqual(Uint8Array.of(at))
  expect((await adapter.loadRange(['a'])).map(({ key }) => key)).toEqual([keys[0], keys[4]])
  expect((await adapter.loadRange([])).map(({ key }) => key)).toEqual(keys)
  await expect(adapter.save([], Uint8Array.of(1))).rejects.toMatchObject({
    code: 'ERR_STORAGE_KEY',
  })
  await expect(adapter.load(['x'.repeat(1_024)])).rejects.toMatchObject({ code: 'ERR_STORAGE_KEY' })
  await storage.close()
})
