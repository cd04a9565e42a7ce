import { describe } from 'vitest'
import { openMemoryStore, openStore } from '@vudo/storage'
import { storeKey } from './bytes.ts'
import { testStore } from './store-suite.ts'
import { temporaryDirectory } from './temporary-directory.ts'

describe('a store in memory', () => {
  testStore(openMemoryStore, 'relaxed')
})

describe('a store in a directory', () => {
  testStore(async () => openStore({ directory: await temporaryDirectory() }), 'strict')
})

describe('a store in an encrypted directory', () => {
  testStore(
    async () => openStore({ directory: await temporaryDirectory(), encryption: { key: storeKey } }),
    'strict',
  )
})
