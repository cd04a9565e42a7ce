import { createArea, createPath, createUserKey, fullArea } from '@vudo/meadowcap'
import type { Network } from '@vudo/network'
import { openWillow } from '@vudo/willow'
import { hexToBytes } from '@vudo/wire'
import { expect, it, onTestFinished } from 'vitest'
import { openMemoryWillowStore } from '../../src/store/memory-store.ts'
import { createWillowSync, willowDatabaseId } from '../../src/sync/willow-sync.ts'
import { connectNetworks, createFakeNetwork } from '../sync/fake-network.ts'

/** A fake network, as far as a namespace that is shared needs one. */
function networkOf(number: number): Network {
  const fake = createFakeNetwork(number)
  const rest = { join: () => Promise.resolve(), leave: () => Promise.resolve() }
  // Only what is called here is there.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.assign(fake, rest) as unknown as Network
}

it('signs tombstones only at paths that it granted or erased, not where a peer asks for them', async () => {
  const network = networkOf(1)
  const willow = await openWillow({ userKey: createUserKey(), sharing: { network } })
  onTestFinished(() => willow.close())
  const namespace = await willow.mapNamespace('stranger')
  await willow.writeEntry(namespace, willow.userId, 'notes/x', new Uint8Array(3))
  await willow.erase('notes', { reason: 'request 7' })

  const inserted: string[] = []
  const events = willow.store(namespace).subscribe()
  const listening = (async () => {
    for await (const event of events) {
      if (event.type === 'entry:insert') inserted.push(event.held.entry.path.toString())
    }
  })()
  const namespaceId = hexToBytes(namespace)
  const store = await openMemoryWillowStore({ namespaceId })
  const stranger = createFakeNetwork(2)
  const openArea = createArea({ path: createPath(['notes', 'chosen by the stranger']) })
  const sync = createWillowSync({ network: stranger, store, openArea })
  onTestFinished(() => sync.close())
  const ready = sync.events.once('peer:reconciled')
  const database = willowDatabaseId(namespaceId)
  // Only what a sync uses of it is there.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  connectNetworks(network as unknown as typeof stranger, stranger, { database })
  await ready
  expect(willow.devices()[0]?.areas).toEqual([fullArea])
  // Whatever is still being done about the peer is done before this settles.
  await willow.close()
  await listening
  expect(inserted).toEqual([])
})
