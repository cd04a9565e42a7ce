import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createArea, createPath, createUserKey, fullArea } from '@vudo/meadowcap'
import type { Network } from '@vudo/network'
import { openMemoryStore } from '@vudo/storage'
import { MAX_KNOWN_DEVICES, openWillow } from '@vudo/willow'
import { hexToBytes } from '@vudo/wire'
import { expect, it, onTestFinished } from 'vitest'
import { openDeviceBook } from '../../src/facade/device-book.ts'
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

it('lists no newcomer in the place of devices that a receipt waits for', async () => {
  const view = await openMemoryStore()
  onTestFinished(() => view.close())
  const payloadDirectory = await mkdtemp(path.join(tmpdir(), 'willow-devices-'))
  onTestFinished(() => rm(payloadDirectory, { recursive: true }))
  const network = networkOf(1)
  const init = { userKey: createUserKey(), storage: { view, payloadDirectory } }
  const before = await openWillow(init)
  const namespace = await before.mapNamespace('crowded')
  await before.close()
  const book = await openDeviceBook(view.sub('devices').sub(namespace), () => true)
  for (let at = 1; at <= MAX_KNOWN_DEVICES; at++) await book.seen(`device ${at}`, at, [fullArea])

  const willow = await openWillow({ ...init, sharing: { network } })
  onTestFinished(() => willow.close())
  await willow.mapNamespace('crowded')
  await willow.writeEntry(namespace, willow.userId, 'notes/x', new Uint8Array(3))
  const receipt = await willow.erase('notes', { reason: 'request 7' })
  const namespaceId = hexToBytes(namespace)
  const store = await openMemoryWillowStore({ namespaceId })
  const newcomer = createFakeNetwork(2)
  const sync = createWillowSync({ network: newcomer, store, openArea: fullArea })
  onTestFinished(() => sync.close())
  // Only what a sync uses of it is there.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const here = network as unknown as typeof newcomer
  connectNetworks(here, newcomer, { database: willowDatabaseId(namespaceId) })
  await sync.events.once('peer:reconciled')
  expect(store.count).toBe(1)
  // Whatever is still being done about the peer is done before this settles.
  await willow.close()
  expect(receipt.report()).toMatchObject({ confirmed: [], unlisted: [newcomer.peerId] })
  expect(receipt.report().waiting).toHaveLength(MAX_KNOWN_DEVICES)
  expect(String(receipt)).toMatch(/^Erased on 1 of 257 known devices; .*, 1 more not listed\.$/)
})

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
