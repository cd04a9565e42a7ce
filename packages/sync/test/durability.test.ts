import { createAuthorKey } from '@vudo/identity'
import { openStore } from '@vudo/storage'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase } from '@vudo/sync'

test.each(['strict', 'relaxed'] as const)(
  'the status tells that a store is %s',
  async (durability) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'vudo-durability-'))
    const store = await openStore({ directory, durability })
    try {
      const init = { id: 'db', store: store.sub('part'), author: createAuthorKey() }
      const database = await openDatabase(init)
      expect(database.getSyncStatus().durability).toBe(durability)
      await database.close()
    } finally {
      await store.close()
      await rm(directory, { recursive: true })
    }
  },
)
