/** Two devices over TCP on loopback, each with its database. */
import { createAuthorKey, createNodeKey } from '@vudo/identity'
import { createNetwork, type Network } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { openMemoryStore } from '@vudo/storage'
import { openDatabase, type Database } from '@vudo/sync'
import { parseTransportConfig } from '@vudo/transport'
import { tcp } from '@vudo/transport-tcp'
import { onTestFinished } from 'vitest'

const id = 'keepsync'

export interface Device {
  readonly network: Network
  readonly database: Database
}

/** A device alone, released after the test. */
export async function startDevice(): Promise<Device> {
  const key = createNodeKey()
  const settings = parseTransportConfig({ port: 0, bindAddress: '127.0.0.1' })
  const transport = tcp()({ ...createTransportContext(key), settings })
  const network = createNetwork({ key, transports: [transport] })
  const store = await openMemoryStore()
  await network.start()
  await network.join({ id, secret: new Uint8Array(32).fill(9) })
  const database = await openDatabase({ id, store, author: createAuthorKey(), network })
  onTestFinished(async () => {
    await database.close()
    await network.stop()
    await store.close()
  })
  return { network, database }
}

/** Two of them, connected. */
export async function startPair(): Promise<[Device, Device]> {
  const [a, b] = [await startDevice(), await startDevice()]
  await a.network.connectPeer(b.network.addresses[0] ?? '')
  return [a, b]
}
