/** A database in an engine, and clients of it over a real MessageChannel: what is posted is cloned as between threads. */
import { openMemoryStore, type StoreView } from '@vudo/storage'
import { onTestFinished } from 'vitest'
import { openDatabase, type Database, type DatabaseEvents, type Policy } from '@vudo/sync'
import { connectDatabase, serveDatabase, type MessageEnd } from '@vudo/sync/worker'
import type { ClientMessage } from '../src/link-messages.ts'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'

/** A busy machine is no failure. */
export const patient = { timeout: 20_000 }

export interface Linked {
  /** In the application's thread. */
  readonly client: Database
  /** Where the engine is. */
  readonly database: Database
  readonly network: FakeNetwork
}

export async function device(
  name: string,
  init: { readonly policy?: Policy | undefined; readonly store?: StoreView } = {},
): Promise<Omit<Linked, 'client'>> {
  const network = createFakeNetwork(name)
  const store = init.store ?? (await openMemoryStore())
  const { policy } = init
  const database = await openDatabase({ id: 'db', store, author: keyOf(name), network, policy })
  onTestFinished(() => database.close())
  return { database, network }
}

export async function linked(name: string, policy?: Policy): Promise<Linked> {
  const one = await device(name, { policy })
  return { ...one, client: await clientOf(one.database) }
}

export async function clientOf(database: Database): Promise<Database> {
  const { port1, port2 } = new MessageChannel()
  const served = serveDatabase(database, port1)
  const client = await connectDatabase(port2)
  onTestFinished(async () => {
    await client.close()
    await served.ended
  })
  return client
}

export async function linkedPair(
  policy?: Policy,
): Promise<{ a: Linked; b: Omit<Linked, 'client'> }> {
  const a = await linked('a', policy)
  const b = await device('b')
  connectNetworks(a.network, b.network, 'db')
  return { a, b }
}

export interface Note {
  title: string
  lines: string[]
}

/** The next event of that name; fails after 20 s. */
export function next<Type extends keyof DatabaseEvents>(
  database: Database,
  type: Type,
): Promise<DatabaseEvents[Type]> {
  return database.events.once(type, { signal: AbortSignal.timeout(20_000) })
}

/** A client whose messages go through `post`. */
export async function tappedClient(
  database: Database,
  post: (message: ClientMessage, send: (message: ClientMessage) => void) => void,
): Promise<Database> {
  const { port1, port2 } = new MessageChannel()
  const served = serveDatabase(database, port1)
  const end: MessageEnd = {
    postMessage: (message: ClientMessage) => post(message, (sent) => port2.postMessage(sent)),
    addEventListener: (type: 'message', listener: (event: MessageEvent) => void) => {
      port2.addEventListener(type, listener)
      port2.start()
    },
    close: () => port2.close(),
  } as MessageEnd
  const client = await connectDatabase(end)
  onTestFinished(async () => {
    await client.close()
    await served.ended
  })
  return client
}
