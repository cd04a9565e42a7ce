import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { beforeEach, expect, it, vi } from 'vitest'
import { openStore, type Durability, type StoreOperation } from '@vudo/storage'
import type * as AtomicFile from '../src/atomic-file.ts'
import { bytes, closing } from './bytes.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** The log files whose names a sync of their directory has made durable. */
const durable = vi.hoisted(() => ({ logs: new Set<string>() }))
vi.mock('../src/atomic-file.ts', async (original) => {
  const files = await original<typeof AtomicFile>()
  return {
    ...files,
    syncDirectory: async (at: string) => {
      const names = await readdir(at)
      await files.syncDirectory(at)
      for (const name of names) durable.logs.add(name)
    },
  }
})
beforeEach(() => durable.logs.clear())

const put = (name: string, value: Uint8Array): StoreOperation => ({
  type: 'put',
  key: bytes(name),
  value,
})

/** Writes values of these sizes in turn. @returns The logs that were without a durable name when a write settled. */
async function namelessLogs(
  durability: Durability,
  sizes: readonly number[],
): Promise<Set<string>> {
  const directory = await temporaryDirectory()
  const store = closing(await openStore({ directory, durability }))
  const nameless = new Set<string>()
  // Small values many at a time, or the test would take long.
  const count = (sizes[0] ?? 0) < 1_000 ? 500 : 1
  for (let at = 0, sum = 0; sum < 14_000_000; at++) {
    const value = new Uint8Array(sizes[at % sizes.length] ?? 0)
    sum += count * (value.length + 60)
    await store.write(Array.from({ length: count }, (_, nth) => put(`key ${at} ${nth}`, value)))
    for (const name of await readdir(path.join(directory, 'records'))) {
      if (name.endsWith('.log') && !durable.logs.has(name)) nameless.add(name)
    }
  }
  return nameless
}

it.each([[[60_000]], [[1_500_000]], [[6_000_000, 6_000_000, 10]], [[30, 900]]])(
  'a new log file has a durable name before a write in it settles, with values of %j bytes',
  async (sizes) => {
    expect([...(await namelessLogs('strict', sizes))]).toEqual([])
  },
)

it('leaves that to the platform when nothing is promised', async () => {
  expect((await namelessLogs('relaxed', [60_000])).size).toBeGreaterThan(0)
})
