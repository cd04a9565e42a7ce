import { openMemoryStore } from '@vudo/storage'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase, type Database } from '@vudo/sync'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'

async function device(name: string): Promise<{ database: Database; network: FakeNetwork }> {
  const network = createFakeNetwork(name)
  const store = await openMemoryStore()
  const database = await openDatabase({ id: 'db', store, author: keyOf(name), network })
  onTestFinished(() => database.close())
  return { database, network }
}

test('syncWith is answered by a peer whose last edits wait for their acknowledgement', async () => {
  const [a, b] = [await device('a'), await device('b')]
  connectNetworks(a.network, b.network, 'db')
  const here = await a.database.open('lists/a', { items: [] as string[] })
  here.change((doc) => doc.items.push('milk'))
  await here.whenSynced()
  await b.database.writeDoc('lists/a', { items: ['milk', 'bread'] })
  await a.database.whenSynced()
  expect(here.current.items).toEqual(['milk', 'bread'])
  // Stored at both ends, and not told yet: that goes with the next thing that is said.
  await expect.poll(() => [a, b].map(({ database }) => database.status.ahead)).toEqual([0, 2])
  const signal = AbortSignal.timeout(20_000)
  const status = await a.database.syncWith(b.network.peerId, 'lists/a', { signal })
  expect(status.peers.map(({ peerId }) => peerId)).toEqual([b.network.peerId])
})
