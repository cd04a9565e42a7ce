/** What runs in the worker: the store, the keys of this browser, the network, and the database over them. */
import { createAuthorKey, createNodeKey, randomBytes } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { openStore, type Store, type StoreView } from '@vudo/storage/browser'
import { openDatabase, type Database } from '@vudo/sync'
import { createTransport } from '@vudo/transport'
import '@vudo/transport-relay'

/** @param relayUrl - `wss://…`; without one the notes stay in this browser. */
export async function openNotes(relayUrl: string): Promise<Database> {
  const store = await openStore({ name: 'notes' })
  try {
    return await openOn(store, relayUrl)
  } catch (error) {
    // The next tab tries again, and has to find the store free.
    await store.close()
    throw error
  }
}

async function openOn(store: Store, relayUrl: string): Promise<Database> {
  const keys = store.sub('keys')
  const author = createAuthorKey(await seedIn(keys, 'author'))
  const nodeKey = createNodeKey(await seedIn(keys, 'node'))
  const init = { id: 'notes', store: store.sub('notes'), author }
  if (relayUrl === '') return openDatabase(init)
  const transport = createTransport({ mode: 'relay', relayUrl }, createTransportContext(nodeKey))
  const network = createNetwork({ key: nodeKey, transports: [transport] })
  const database = await openDatabase({ ...init, network })
  await network.start()
  // Without a `secret` everybody at the relay who knows the id reads along.
  await network.join({ id: 'notes' })
  return database
}

/** 32 bytes that are made once. They are what this browser signs with: whoever has them writes in its name. */
async function seedIn(keys: StoreView, name: string): Promise<Uint8Array> {
  const key = new TextEncoder().encode(name)
  const known = await keys.get(key)
  if (known) return known
  const seed = randomBytes(32)
  await keys.write([{ type: 'put', key, value: seed }])
  return seed
}
