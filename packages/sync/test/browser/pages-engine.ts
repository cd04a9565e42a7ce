import { createAuthorKey, createNodeKey } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { openStore } from '@vudo/storage/browser'
import { openDatabase, type Database, type DatabaseInit } from '@vudo/sync'
import { createTransport } from '@vudo/transport'
import '@vudo/transport-relay'
import { createVetting } from '../../src/vetting.ts'

/** What a test asks for. */
export interface EngineAsked {
  readonly kind: 'shared' | 'dedicated'
  readonly store: string
  readonly relayUrl?: string
  /** Milliseconds that a document may take to open. */
  readonly maxVettingMs?: number
}

export async function openEngine(asked: EngineAsked): Promise<Database> {
  const { relayUrl, maxVettingMs } = asked
  const store = await openStore({ name: asked.store })
  const author = createAuthorKey(new Uint8Array(32).fill(1))
  const vetting =
    maxVettingMs === undefined ? {} : { vetting: createVetting({ maxCpuMs: maxVettingMs }) }
  const init: DatabaseInit = { id: 'db', store, author, ...vetting }
  if (relayUrl === undefined) return openDatabase(init)
  const key = createNodeKey(new Uint8Array(32).fill(2))
  const transport = createTransport({ mode: 'relay', relayUrl }, createTransportContext(key))
  const network = createNetwork({ key, transports: [transport] })
  const database = await openDatabase({ ...init, network })
  await network.start()
  await network.join({ id: 'db' })
  return database
}
