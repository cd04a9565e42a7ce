/** The acceptance suites of automerge-repo's next version, 2.6.0-alpha.3, on the same adapters. */
import { runNetworkAdapterTests } from '@automerge/automerge-repo-next/helpers/tests/network-adapter-tests.js'
import { runStorageAdapterTests } from '@automerge/automerge-repo-next/helpers/tests/storage-adapter-tests.js'
import { createNetworkAdapter, createStorageAdapter } from '@vudo/automerge-repo'
import { openMemoryStore } from '@vudo/storage'
import { vi } from 'vitest'
import { databaseId, startNetworks } from './nodes.ts'

vi.setConfig({ testTimeout: 30_000 })

runNetworkAdapterTests(async () => {
  const networks = await startNetworks(3)
  const [a, b, c] = networks.map((network) =>
    createNetworkAdapter({ network, database: databaseId, names: 'repo' }),
  )
  if (!a || !b || !c) throw new Error('three networks')
  return {
    adapters: [a, b, c],
    teardown: () => {
      for (const network of networks) void network.stop()
    },
  }
}, '2.6.0-alpha.3 over sessions')

runStorageAdapterTests(async () => {
  const storage = await openMemoryStore()
  return { adapter: createStorageAdapter({ storage }), teardown: () => void storage.close() }
}, '2.6.0-alpha.3 on our store')
